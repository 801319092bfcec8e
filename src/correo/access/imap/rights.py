"""What one may do in a mailbox: in one's own everything, in another's what its access control list gives (RFC 4314 §4).

Rights are looked at in the transaction that makes use of them, so that what was taken away a moment ago is not used any more. For
one's own mailboxes that costs nothing.
"""

from __future__ import annotations

from typing import NamedTuple

from correo import mailbox
from correo.mail.errors import Kind, Refused
from correo.mail.flags import SYSTEM, Flags
from correo.mailbox import ALL_RIGHTS, Identity, Ranges, Rights, Stored, ranges
from correo.mailbox.flagging import How
from correo.storage.db import Tx

# RFC 4314 §4 wants one of them for MYRIGHTS: without any of them a mailbox is not there.
_ANY = frozenset("lrikxa")
# In one's Outbox: messages may be read and removed, and nothing comes there but by being sent.
OUTBOX: Rights = frozenset("lrste")
# RFC 4314 §5.2: \Seen is everybody's own, so "s" alone lets nobody change what others see.
_WRITES = frozenset("iewt")
# RFC 5464 §3.3, besides "l".
_ANNOTATES = frozenset("rswip")


class Access(NamedTuple):
    """How somebody comes to a mailbox."""

    mailbox_id: int
    account_id: int  # whose mailbox it is
    who: Identity
    shared: bool = False  # the mailbox belongs to an account as which nobody logs in
    governs: bool = False  # he administers the domain, and so the mailboxes of its shared accounts

    @property
    def own(self) -> bool:
        return self.account_id == self.who.account_id

    @property
    def outbox(self) -> bool:
        """What is removed there is taken back before it is sent (`delivery.outbox`)."""
        return mailbox.is_outbox(self.account_id)

    @property
    def reader(self) -> int:
        """Whose \\Seen is shown and set: 0 for the owner, whose it is in the message itself."""
        return 0 if self.own else self.who.account_id


async def granted(tx: Tx, access: Access) -> Rights:
    if access.own:
        return of_owner(access)
    return with_office(access, await mailbox.rights(tx, access.mailbox_id, access.who))


def of_owner(access: Access) -> Rights:
    return OUTBOX if access.outbox else ALL_RIGHTS


def with_office(access: Access, given: Rights) -> Rights:
    """What the list gives, and what somebody has because of what he is."""
    return given | {"a"} if access.governs else given


async def require(tx: Tx, access: Access, needed: str) -> None:
    """For a mailbox that somebody has open, and so knows of. Raises Refused(NO_PERMISSION)."""
    if not (await granted(tx, access)).issuperset(needed):
        raise Refused(refusal(access), f"without {needed}")


def refusal(access: Access) -> Kind:
    """Why somebody may not what he has no right to."""
    return Kind.OUTBOX if access.outbox else Kind.NO_PERMISSION


def knows(held: Rights) -> bool:
    """Whether one may ask what one's rights are."""
    return not held.isdisjoint(_ANY)


def writes(held: Rights) -> bool:
    """Whether SELECT says READ-WRITE."""
    return not held.isdisjoint(_WRITES)


def annotates(held: Rights) -> bool:
    return "l" in held and not held.isdisjoint(_ANNOTATES)


# -- flags ----------------------------------------------------------------------------------------------------------------


async def change_flags(
    tx: Tx,
    access: Access,
    where: Ranges,
    how: How,
    flags: Flags,
    now: int,
    unchanged_since: int | None = None,
) -> Stored:
    """STORE as far as the rights reach. Raises Refused(NO_PERMISSION) where no flag that is named may be changed."""
    reader = access.reader
    if access.own and not access.outbox:
        return await mailbox.store_flags(tx, access.mailbox_id, where, how, flags, now, unchanged_since)
    held = await granted(tx, access)
    allowed = mailbox.allowed(flags, held)
    if allowed != flags or how == "replace":
        if not _may_change(flags, allowed, held):
            raise Refused(refusal(access), "no right to change these flags")
        if how == "replace" and not held.issuperset("stw"):
            return await _replace_some(tx, access, where, allowed, held, now, unchanged_since)
    return await mailbox.store_flags(
        tx, access.mailbox_id, where, how, allowed, now, unchanged_since, reader=reader
    )


def _may_change(flags: Flags, allowed: Flags, held: Rights) -> bool:
    if flags.bits or flags.keywords:
        return bool(allowed.bits or allowed.keywords)
    return not held.isdisjoint("stw")


async def _replace_some(
    tx: Tx,
    access: Access,
    where: Ranges,
    wanted: Flags,
    held: Rights,
    now: int,
    unchanged_since: int | None,
) -> Stored:
    """The flags that may be changed become as they are wanted, and the others stay."""
    mine, reader = mailbox.flag_bits(held), access.reader
    rows = await mailbox.messages(tx, access.mailbox_id, where, reader=reader)
    groups: dict[Flags, list[int]] = {}
    for row in rows:
        kept = Flags(row.flags & ~mine)
        if "w" not in held:
            kept = Flags(kept.bits, tuple(row.keywords.split()))
        groups.setdefault(kept, []).append(row.uid)
    modseq, changed, modified = 0, [], []
    for kept, uids in groups.items():
        stored = await mailbox.store_flags(
            tx,
            access.mailbox_id,
            ranges.of(uids),
            "replace",
            wanted.add(kept),
            now,
            unchanged_since,
            reader=reader,
        )
        modseq = max(modseq, stored.modseq)
        changed += stored.changed
        modified += stored.modified
    return Stored(modseq, sorted(changed), sorted(modified))


def permanent(held: Rights) -> list[str]:
    """The system flags that PERMANENTFLAGS tells (RFC 4314 §5.1.1), in the order of `mail.flags`."""
    bits = mailbox.flag_bits(held)
    return [name for name, bit in SYSTEM.items() if bits & bit]
