"""Where mail for an address goes, and who may send as that address."""

from __future__ import annotations

from dataclasses import dataclass, replace

from correo.accounts.account import Account, first_account, get_account
from correo.accounts.aliases import targets_of
from correo.accounts.domains import is_local
from correo.mail.address import Address
from correo.mail.errors import Kind, Refused
from correo.storage.db import Tx

MAX_DEPTH = 10  # aliases of aliases; the deepest that people build on purpose is about four
MAX_EXPANSION = 1000  # addresses looked at for one recipient: bounds one RCPT command to some milliseconds


@dataclass(frozen=True, slots=True)
class LocalTarget:
    account: Account
    address: str  # the name that led to the account, as it was written
    tag: str  # what stood after the "+", as it was written, or ""


@dataclass(frozen=True, slots=True)
class RemoteTarget:
    address: Address


Target = LocalTarget | RemoteTarget


@dataclass(frozen=True, slots=True)
class NotLocal:
    """The domain is not ours."""


@dataclass(frozen=True, slots=True)
class NoSuchUser:
    """The domain is ours, and the address leads nowhere."""


@dataclass(frozen=True, slots=True)
class Resolved:
    recipients: tuple[Target, ...]  # at least one; each account and each remote address once
    alias: bool  # whether the address is another name for its recipients


Resolution = NotLocal | NoSuchUser | Resolved


@dataclass(frozen=True, slots=True)
class _Expansion:
    """An alias, a catch-all, or the postmaster that stands in."""

    name: str  # comparison form
    targets: tuple[str, ...]
    tag: str


@dataclass(frozen=True, slots=True)
class _Step:
    address: Address
    tag: str  # of the alias that led here
    depth: int


async def resolve(tx: Tx, address: Address) -> Resolution:
    """Follow accounts, aliases, tags and catch-alls to the end. An account wins over an alias, an alias over a catch-all.

    Loops are cut and targets that lead nowhere left out. Refused TOO_MANY where the limits of depth or number would be passed,
    for to leave somebody out silently would lose his mail.
    """
    if not await is_local(tx, address.host):
        return NotLocal()
    recipients: dict[int | str, Target] = {}
    expanded: set[str] = set()
    waiting = [_Step(address, "", 0)]
    looked = 0
    while waiting:
        step = waiting.pop()
        looked += 1
        if step.depth > MAX_DEPTH or looked > MAX_EXPANSION:
            raise Refused(Kind.TOO_MANY, f"the alias {address.folded} leads too far or to too many")
        if step.depth and not await is_local(tx, step.address.host):
            recipients.setdefault(step.address.folded, RemoteTarget(step.address))
            continue
        match await _look(tx, step.address):
            case LocalTarget() as found:
                recipients.setdefault(found.account.id, found if found.tag else replace(found, tag=step.tag))
            case _Expansion() as found if found.name not in expanded:
                expanded.add(found.name)
                tag = found.tag or step.tag
                # The last is popped first: the order of the targets is kept.
                targets = map(Address.parse, reversed(found.targets))
                waiting += [_Step(target, tag, step.depth + 1) for target in targets]
            case _:
                pass
    return Resolved(tuple(recipients.values()), bool(expanded)) if recipients else NoSuchUser()


async def names_with_tag(tx: Tx, address: str) -> frozenset[str]:
    """Accounts and aliases that look like `address` (comparison form) with a tag, but lead where they say."""
    user = address.rpartition("@")[0]
    names = await tx.all(
        """SELECT address FROM accounts_account WHERE address > $1 AND address < $2
           UNION SELECT address FROM accounts_alias WHERE address > $1 AND address < $2""",
        f"{user}+",
        f"{user},",
    )
    return frozenset(row[0] for row in names)


async def owns(tx: Tx, account_id: int, address: Address) -> bool:
    """Whether the account may send as `address`: whoever receives its mail may. Refused TOO_MANY as in `resolve`."""
    resolution = await resolve(tx, address)
    return isinstance(resolution, Resolved) and any(
        isinstance(target, LocalTarget) and target.account.id == account_id
        for target in resolution.recipients
    )


async def _look(tx: Tx, address: Address) -> LocalTarget | _Expansion | None:
    """One step from a local address."""
    if found := await _look_exactly(tx, address, address.folded, ""):
        return found
    user, plus, _ = address.user.partition("+")
    tag = address.local.partition("+")[2]
    if plus and user and (found := await _look_exactly(tx, address, f"{user}@{address.host}", tag)):
        return found
    catch_all = f"@{address.host}"
    if targets := await targets_of(tx, catch_all):
        return _Expansion(catch_all, targets, "")
    # RFC 5321 §4.5.1: mail for the postmaster of a domain must be taken, whether or not somebody made the address.
    if user == "postmaster" and (account := await first_account(tx, address.host)):
        return _Expansion(f"postmaster@{address.host}", (account.spelling,), tag)
    return None


async def _look_exactly(tx: Tx, address: Address, name: str, tag: str) -> LocalTarget | _Expansion | None:
    if account := await get_account(tx, name):
        return LocalTarget(account, str(address), tag)
    if targets := await targets_of(tx, name):
        return _Expansion(name, targets, tag)
    return None
