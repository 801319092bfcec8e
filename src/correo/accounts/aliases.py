"""Aliases: further names that lead to one or many addresses, here or elsewhere, and catch-alls for the rest of a domain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from correo.accounts.domains import folded_domain, is_local
from correo.mail.address import Address, BadAddress
from correo.mail.errors import Kind, Refused
from correo.storage.db import Tx

MAX_TARGETS = (
    500  # of one alias; more is the work of a mailing list manager, which handles bounces and departures
)


@dataclass(frozen=True, slots=True)
class Alias:
    address: str  # comparison form; "@domain" is a catch-all
    targets: tuple[str, ...]  # as written, in the order they were added


async def add_alias(tx: Tx, address: str, targets: Sequence[str], now: int) -> Alias:
    """Make an alias, or add targets to it; what it leads to already is left as it is. `address` may be `@domain`.

    Targets need not exist: aliases of aliases can be made in any order. Refused BAD_NAME, NOT_FOUND when the domain is not
    local, EXISTS when an account has the address, TOO_MANY.
    """
    folded = fold_alias(address)
    parsed = [_parse(target) for target in targets]
    if not parsed or any(target.folded == folded for target in parsed):
        raise Refused(Kind.BAD_NAME, f"{folded} leads nowhere or to itself")
    host = folded.rpartition("@")[2]
    if not await is_local(tx, host):
        raise Refused(Kind.NOT_FOUND, f"no domain {host} here")
    if await tx.one("SELECT 1 FROM accounts_account WHERE address = $1", folded):
        raise Refused(Kind.EXISTS, f"{folded} is an account")
    await tx.many(
        """INSERT INTO accounts_alias (address, target, target_folded, created)
           VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING""",
        [(folded, str(target), target.folded, now) for target in parsed],
    )
    alias = Alias(folded, await targets_of(tx, folded))
    if len(alias.targets) > MAX_TARGETS:
        raise Refused(Kind.TOO_MANY, f"an alias leads to at most {MAX_TARGETS} addresses")
    return alias


async def remove_alias(tx: Tx, address: str, target: str | None = None) -> None:
    """Remove the alias, or one of its targets. Refused BAD_NAME, NOT_FOUND."""
    folded = fold_alias(address)
    if target is None:
        gone = await tx.run("DELETE FROM accounts_alias WHERE address = $1", folded)
    else:
        delete = "DELETE FROM accounts_alias WHERE address = $1 AND target_folded = $2"
        gone = await tx.run(delete, folded, _parse(target).folded)
    if not gone:
        raise Refused(Kind.NOT_FOUND, f"no alias {folded}" + (f" to {target}" if target else ""))


async def list_aliases(tx: Tx) -> list[Alias]:
    """By address."""
    aliases: dict[str, list[str]] = {}
    select = "SELECT address, target FROM accounts_alias ORDER BY address, created, target_folded"
    for address, target in await tx.all(select):
        aliases.setdefault(address, []).append(target)
    return [Alias(address, tuple(targets)) for address, targets in aliases.items()]


async def targets_of(tx: Tx, folded: str) -> tuple[str, ...]:
    """Where the alias leads, or nothing when there is none of that name."""
    select = "SELECT target FROM accounts_alias WHERE address = $1 ORDER BY created, target_folded"
    return tuple(row[0] for row in await tx.all(select, folded))


def fold_alias(address: str) -> str:
    """The comparison form of an alias's name. Refused BAD_NAME."""
    return f"@{folded_domain(address[1:])}" if address.startswith("@") else _parse(address).folded


def _parse(address: str) -> Address:
    try:
        parsed = Address.parse(address)
    except BadAddress as error:
        raise Refused(Kind.BAD_NAME, f"{address}: {error}") from None
    if not parsed.user:  # ""@domain: it would be taken for the catch-all
        raise Refused(Kind.BAD_NAME, f"{address}: the part before the @ is empty")
    return parsed
