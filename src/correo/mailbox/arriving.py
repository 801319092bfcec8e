"""A message comes into a mailbox: the hottest write of the server, four statements."""

from __future__ import annotations

from dataclasses import dataclass

from correo.mail.errors import Kind, Refused
from correo.mail.flags import MAX_KEYWORDS, SEEN, Flags
from correo.mailbox.changelog import What, note
from correo.mailbox.counting import Count, arrived
from correo.mailbox.quota import Room, charge_mailbox
from correo.mailbox.seen import OWNER, mark
from correo.storage.db import Tx

_ADD = """INSERT INTO mailbox_message
  (mailbox_id, uid, content_id, flags, keywords, modseq, received, received_zone, saved, size)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"""
_RECENT = "SELECT recent, uidnext FROM mailbox_mailbox WHERE id = $1"
_TAKE_RECENT = "UPDATE mailbox_mailbox SET recent = uidnext WHERE id = $1"


@dataclass(frozen=True, slots=True)
class Appended:
    uid: int
    modseq: int
    uidvalidity: int


async def append(
    tx: Tx,
    mailbox_id: int,
    *,
    content_id: int,
    size: int,
    flags: Flags,
    received: int,
    received_zone: int = 0,
    now: int,
    room: Room = Room.WITHIN,
    reader: int = OWNER,
) -> Appended:
    """Put stored content into a mailbox. `received` is INTERNALDATE (µs UTC), shown in a zone of minutes east.

    \\Seen among the flags is the reader's.

    Raises Refused: NOT_FOUND (the mailbox has gone), TOO_MANY (keywords, UIDs), OVER_QUOTA.
    """
    if len(flags.keywords) > MAX_KEYWORDS:
        raise Refused(Kind.TOO_MANY, "keywords on one message")
    bits = flags.bits & ~SEEN if reader else flags.bits
    count = Count.of(((bits, size),))
    modseq, account_id = await charge_mailbox(tx, mailbox_id, count, room)
    uid, uidvalidity = await arrived(tx, mailbox_id, modseq, count)
    keywords = " ".join(flags.keywords)
    await tx.run(
        _ADD, mailbox_id, uid, content_id, bits, keywords, modseq, received, received_zone, now, size
    )
    if bits != flags.bits:
        await mark(tx, mailbox_id, reader, ((uid, uid),), True, modseq)
    await note(tx, account_id, modseq, mailbox_id, What.APPEND, ((uid, uid),), now)
    return Appended(uid, modseq, uidvalidity)


async def take_recent(tx: Tx, mailbox_id: int) -> int:
    """The UID from which messages are recent to the session that calls, and to no other (RFC 3501 §2.3.2)."""
    row = await tx.one(_RECENT, mailbox_id)
    if row is None:
        raise Refused(Kind.NOT_FOUND, f"mailbox {mailbox_id}")
    recent, uidnext = row
    if recent < uidnext:
        await tx.run(_TAKE_RECENT, mailbox_id)
    first: int = recent
    return first
