"""The domains whose mail ends here."""

from __future__ import annotations

from dataclasses import dataclass

from correo.mail.address import BadAddress, fold_domain
from correo.mail.errors import Kind, Refused
from correo.storage.db import Tx


@dataclass(frozen=True, slots=True)
class Domain:
    name: str  # comparison form
    created: int
    accounts: int = 0  # how many accounts it has


async def add_domain(tx: Tx, name: str, now: int) -> Domain:
    """Refused BAD_NAME, EXISTS."""
    folded = folded_domain(name)
    insert = "INSERT INTO accounts_domain (name, created) VALUES ($1, $2) ON CONFLICT DO NOTHING"
    if not await tx.run(insert, folded, now):
        raise Refused(Kind.EXISTS, f"the domain {folded} is here already")
    return Domain(folded, now)


async def remove_domain(tx: Tx, name: str) -> None:
    """Refused NOT_FOUND, HAS_CHILDREN while it has accounts or aliases."""
    folded = folded_domain(name)
    if not await is_local(tx, folded):
        raise Refused(Kind.NOT_FOUND, f"no domain {folded} here")
    used = await tx.one(
        """SELECT 1 FROM accounts_account WHERE domain = $1
           UNION ALL
           SELECT 1 FROM accounts_alias WHERE substr(address, length(address) - length($2) + 1) = $2""",
        folded,
        f"@{folded}",
    )
    if used:
        raise Refused(Kind.HAS_CHILDREN, f"{folded} still has accounts or aliases")
    await tx.run("DELETE FROM accounts_domain WHERE name = $1", folded)


async def list_domains(tx: Tx) -> list[Domain]:
    """By name."""
    rows = await tx.all(
        """SELECT d.name, d.created, count(a.id) FROM accounts_domain d
           LEFT JOIN accounts_account a ON a.domain = d.name
           GROUP BY d.name, d.created ORDER BY d.name"""
    )
    return [Domain(*row) for row in rows]


async def is_local(tx: Tx, folded: str) -> bool:
    """Whether mail for the domain, given in its comparison form, ends here."""
    return await tx.one("SELECT 1 FROM accounts_domain WHERE name = $1", folded) is not None


async def only_domain(tx: Tx) -> str | None:
    """The one local domain, or None when there is none or a choice."""
    rows = await tx.all("SELECT name FROM accounts_domain LIMIT 2")
    return str(rows[0][0]) if len(rows) == 1 else None


def folded_domain(name: str) -> str:
    """Refused BAD_NAME."""
    try:
        return fold_domain(name)
    except BadAddress as error:
        raise Refused(Kind.BAD_NAME, f"{name}: {error}") from None
