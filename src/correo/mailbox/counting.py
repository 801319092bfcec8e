"""The counters of a mailbox, moved in step with its messages, and the places messages get in it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from correo.mail.errors import Kind, Refused
from correo.mail.flags import DELETED, SEEN
from correo.mailbox.ranges import MAX_UID
from correo.storage.db import Tx

_ARRIVED = """UPDATE mailbox_mailbox SET uidnext = uidnext + $3, modseq = $2,
  messages = messages + $3, unseen = unseen + $4, deleted = deleted + $5, size = size + $6
WHERE id = $1 RETURNING uidnext, uidvalidity"""
_ADJUST = """UPDATE mailbox_mailbox SET modseq = $2,
  messages = messages + $3, unseen = unseen + $4, deleted = deleted + $5, size = size + $6
WHERE id = $1"""


@dataclass(frozen=True, slots=True)
class Count:
    """What some messages add to the counters; octets in `size`."""

    messages: int
    unseen: int
    deleted: int
    size: int

    @classmethod
    def of(cls, rows: Iterable[tuple[int, int]]) -> Count:
        """From the flag bits and sizes of messages."""
        messages = unseen = deleted = octets = 0
        for bits, size in rows:
            messages += 1
            unseen += not bits & SEEN
            deleted += bits & DELETED != 0
            octets += size
        return cls(messages, unseen, deleted, octets)

    def __neg__(self) -> Count:
        return Count(-self.messages, -self.unseen, -self.deleted, -self.size)


NONE = Count(0, 0, 0, 0)


async def arrived(tx: Tx, mailbox_id: int, modseq: int, count: Count) -> tuple[int, int]:
    """Make room for `count` new messages: the first of their UIDs, which follow each other, and the UIDVALIDITY."""
    row = await tx.one(_ARRIVED, mailbox_id, modseq, count.messages, count.unseen, count.deleted, count.size)
    if row is None:
        raise Refused(Kind.NOT_FOUND, f"mailbox {mailbox_id}")
    uidnext, uidvalidity = row
    if uidnext > MAX_UID:
        # Four thousand million messages in one mailbox: only a new mailbox (a new UIDVALIDITY) has room again.
        raise Refused(Kind.TOO_MANY, f"mailbox {mailbox_id} has no UIDs left")
    return uidnext - count.messages, uidvalidity


async def adjust(tx: Tx, mailbox_id: int, modseq: int, count: Count) -> None:
    await tx.run(_ADJUST, mailbox_id, modseq, count.messages, count.unseen, count.deleted, count.size)
