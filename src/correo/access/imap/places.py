"""Where a name leads: every command that is given the name of a mailbox asks here, whoever the mailbox belongs to.

Personal mailboxes cost what they cost without the others: a name without one of two prefixes is looked up as it is.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from correo import accounts, mailbox
from correo.access.imap import rights
from correo.access.imap.namespaces import Foreign, foreign, reserved, spelled
from correo.access.imap.rights import Access, granted
from correo.accounts import Account
from correo.mail.errors import Kind, Refused
from correo.mailbox import ALL_RIGHTS, INBOX, SEPARATOR, Identity, Mailbox, Rights
from correo.storage.db import Tx


class Place(NamedTuple):
    """A mailbox as one account sees it."""

    box: Mailbox
    name: str  # as this account calls it
    rights: Rights  # at the moment when it was looked up
    access: Access

    @property
    def reader(self) -> int:
        return self.access.reader

    @property
    def special_use(self) -> str:
        """Only of one's own: to file sent mail with somebody else is not what a client should be invited to."""
        return self.box.special_use if self.access.own else ""


async def find(tx: Tx, account: Account, name: str) -> Place | None:
    """None where there is no such mailbox, and where the account has no right in it."""
    about = foreign(name)
    if about is None:
        box = await mailbox.find(tx, account.id, name) or await outbox(tx, account, name)
        return _own(box) if box else None
    owner = await _owner(tx, about)
    if owner is None or not about.name:
        return None
    box = await mailbox.find(tx, owner.id, about.name)
    if box is None:
        return None
    if owner.id == account.id:
        return _own(box)
    access = await _access(tx, box, account, owner)
    held = await granted(tx, access)
    return Place(box, spelled(*about), held, access) if held else None


async def outbox(tx: Tx, account: Account, name: str) -> Mailbox | None:
    """The Outbox, if that is its name and no other mailbox has it."""
    box = await mailbox.find(tx, mailbox.outbox_of(account.id), name)
    return box if box is None or await mailbox.find(tx, account.id, name) is None else None


async def refuse_outbox(tx: Tx, account: Account, name: str) -> None:
    """For what cannot be done to the Outbox, nor to a name below it. Raises Refused(OUTBOX)."""
    levels = name.split(SEPARATOR)
    for depth in range(1, min(len(levels), mailbox.MAX_DEPTH) + 1):
        if await outbox(tx, account, SEPARATOR.join(levels[:depth])):
            raise Refused(Kind.OUTBOX, name)


async def allowed(tx: Tx, account: Account, name: str, needed: str) -> Place | None:
    """A mailbox in which the account has the rights `needed`; None where it has to seem that there is none (RFC 4314 §6).

    Raises Refused(NO_PERMISSION) where it can be seen.
    """
    place = await find(tx, account, name)
    if place is not None and not place.rights.issuperset(needed):
        if "l" not in place.rights:
            return None
        raise Refused(rights.refusal(place.access), f"{name} without {needed}")
    return place


async def opened(tx: Tx, account: Account, name: str, needed: str) -> Place:
    """As `allowed`; raises Refused(NOT_FOUND) as well."""
    place = await allowed(tx, account, name, needed)
    if place is None:
        raise Refused(Kind.NOT_FOUND, name)
    return place


async def listed(tx: Tx, account: Account) -> list[Place]:
    """All mailboxes the account may know of: its own, then those of others, then shared ones, each as LIST has them."""
    who = identity(account)
    boxes = await mailbox.list_mailboxes(tx, account.id)
    found = [Place(box, box.name, ALL_RIGHTS, Access(box.id, account.id, who)) for box in boxes]
    names = {box.name for box in boxes}
    if (sent := await mailbox.outbox(tx, account.id)) is not None and sent.name not in names:
        found.append(_own(sent))
    others = [place for place in await _others(tx, account) if "l" in place.rights]
    others.sort(key=lambda place: (place.access.shared, _order(place)))
    return found + others


def _order(place: Place) -> tuple[str, bool, list[str]]:
    above, _, _ = place.name.removesuffix(place.box.name).rpartition(SEPARATOR)
    return above, place.box.name != INBOX, place.box.name.split(SEPARATOR)


async def _others(tx: Tx, account: Account) -> list[Place]:
    found: list[Place] = []
    owners: dict[int, tuple[Account, bool] | None] = {}  # with whether this account governs them
    who = identity(account)
    for box, given in await mailbox.shared_with(tx, who):
        if box.account_id not in owners:
            owner = await accounts.account_by_id(tx, box.account_id)
            owners[box.account_id] = (owner, await _governs(tx, account, owner)) if owner else None
        if (known := owners[box.account_id]) is not None:
            owner, governs = known
            access = Access(box.id, owner.id, who, owner.shared, governs)
            held = rights.with_office(access, given)
            found.append(Place(box, spelled(owner.shared, owner.address, box.name), held, access))
    return found


async def at(tx: Tx, account: Account, access: Access) -> Place | None:
    """A mailbox that is known by its id, under the name it has now."""
    box = await mailbox.get(tx, access.mailbox_id)
    if box is None or access.own:
        return _own(box) if box else None
    owner = await accounts.account_by_id(tx, access.account_id)
    if owner is None:
        return None
    return Place(box, spelled(owner.shared, owner.address, box.name), await granted(tx, access), access)


class Site(NamedTuple):
    """Where a mailbox is to come into being: of which account, and what its owner calls it."""

    account_id: int
    name: str


async def site(tx: Tx, account: Account, name: str) -> Site:
    """For CREATE and RENAME: the right "k" in the nearest mailbox above it is needed (RFC 4314 §4), and where there is none above, the
    account must be one's own, or a shared one that one administers.

    Raises Refused: NO_PERMISSION, OUTBOX; BAD_NAME for a name in the namespaces of others that is about no account.
    """
    about = foreign(name)
    if about is None:
        if reserved(name):
            raise Refused(Kind.BAD_NAME, "a name of one's own in the namespaces of others")
        await refuse_outbox(tx, account, name)
        return Site(account.id, name)
    owner = await _owner(tx, about)
    if owner is None:
        raise Refused(Kind.NO_PERMISSION, "no such account")
    if owner.id == account.id:
        return Site(account.id, about.name)
    await _check_above(tx, account, owner, about.name)
    return Site(owner.id, about.name)


async def _check_above(tx: Tx, account: Account, owner: Account, name: str) -> None:
    above = name
    while SEPARATOR in above:
        above = above.rpartition(SEPARATOR)[0]
        box = await mailbox.find(tx, owner.id, above)
        if box is not None:
            if "k" in await granted(tx, await _access(tx, box, account, owner)):
                return
            break
    else:
        if await _governs(tx, account, owner):
            return
    raise Refused(Kind.NO_PERMISSION, "without k above it")


def identity(account: Account) -> Identity:
    return Identity(account.id, account.domain)


def owners(places: Iterable[Place]) -> set[int]:
    """The accounts whose changes concern them."""
    return {place.access.account_id for place in places}


def _own(box: Mailbox) -> Place:
    access = own(box)
    return Place(box, box.name, rights.of_owner(access), access)


def own(box: Mailbox) -> Access:
    """That of the owner himself."""
    return Access(box.id, box.account_id, Identity(box.account_id, ""))


async def _access(tx: Tx, box: Mailbox, account: Account, owner: Account) -> Access:
    return Access(box.id, owner.id, identity(account), owner.shared, await _governs(tx, account, owner))


async def _governs(tx: Tx, account: Account, owner: Account) -> bool:
    return owner.shared and await administers(tx, account, owner.domain)


async def administers(tx: Tx, account: Account, domain: str) -> bool:
    """Whether he does so still, and not only when he logged in."""
    if not account.admin or account.domain != domain:
        return False
    now = await accounts.account_by_id(tx, account.id)
    return now is not None and now.admin


async def _owner(tx: Tx, about: Foreign) -> Account | None:
    """None as well where the account is not in that namespace."""
    owner = await accounts.get_account(tx, about.address)
    return owner if owner is not None and owner.shared == about.shared else None
