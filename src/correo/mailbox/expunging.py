"""EXPUNGE, and POP3's deletion at QUIT: messages go, their content waits for `collect`."""

from __future__ import annotations

from dataclasses import dataclass

from correo.mail.errors import Kind, Refused
from correo.mail.flags import DELETED
from correo.mailbox import ranges as uidset
from correo.mailbox.changelog import What, note
from correo.mailbox.counting import Count, adjust
from correo.mailbox.quota import charge_mailbox
from correo.mailbox.ranges import EVERYTHING, Ranges
from correo.mailbox.reading import ByRange
from correo.mailbox.seen import forget_seen
from correo.mailbox.uidls import forget_uidls
from correo.storage.db import Tx

_ROWS = ByRange("m.uid, m.flags, m.size")
# In the words of the index mailbox_message_deleted.
_DELETED_ROWS = ByRange("m.uid, m.flags, m.size", where=f" AND m.flags & {DELETED} <> 0")
_STATE = "SELECT modseq, deleted FROM mailbox_mailbox WHERE id = $1"
_ORPHANS = """INSERT INTO mailbox_orphan (content_id, since)
SELECT DISTINCT content_id, CAST($4 AS BIGINT) FROM mailbox_message WHERE mailbox_id = $1 AND {those}
ON CONFLICT (content_id) DO UPDATE SET since = excluded.since"""
_REMOVE = "DELETE FROM mailbox_message WHERE mailbox_id = $1 AND {those}"
_ALL_THERE = "uid BETWEEN $2 AND $3"
# Asked for their UIDs alone, since those are in the index.
_DELETED_THERE = f"""uid IN (
  SELECT uid FROM mailbox_message WHERE mailbox_id = $1 AND uid BETWEEN $2 AND $3 AND flags & {DELETED} <> 0)"""
_DELETED_SIZE = f"SELECT SUM(size) FROM mailbox_message WHERE mailbox_id = $1 AND flags & {DELETED} <> 0"


@dataclass(frozen=True, slots=True)
class Expunged:
    uids: list[int]  # what went, ascending
    modseq: int  # of the change, or of the mailbox where nothing changed


async def expunge(
    tx: Tx, mailbox_id: int, ranges: Ranges | None, now: int, only_deleted: bool = True
) -> Expunged:
    """Remove the messages in `ranges` (None: all) that are marked as deleted, or without `only_deleted` every one of them.

    Raises Refused(NOT_FOUND) when the mailbox has gone.
    """
    state = await tx.one(_STATE, mailbox_id)
    if state is None:
        raise Refused(Kind.NOT_FOUND, f"mailbox {mailbox_id}")
    if only_deleted and not state[1]:
        return Expunged([], state[0])
    statement = _DELETED_ROWS if only_deleted else _ROWS
    asked = EVERYTHING if ranges is None else ranges
    rows = await statement.rows(tx, mailbox_id, asked)
    if not rows:
        return Expunged([], state[0])
    uids = [row[0] for row in rows]
    gone = uidset.of(uids)
    less = -Count.of(row[1:] for row in rows)
    modseq, account_id = await charge_mailbox(tx, mailbox_id, less)
    # What goes may lie scattered, in thousands of ranges; each is a statement.
    those = _DELETED_THERE if only_deleted else _ALL_THERE
    spans = min(gone, asked, key=len)
    await tx.many(_ORPHANS.format(those=those), [(mailbox_id, low, high, now) for low, high in spans])
    await tx.many(_REMOVE.format(those=those), [(mailbox_id, low, high) for low, high in spans])
    await forget_seen(tx, mailbox_id, gone)
    await forget_uidls(tx, mailbox_id, gone)
    await adjust(tx, mailbox_id, modseq, less)
    await note(tx, account_id, modseq, mailbox_id, What.EXPUNGE, gone, now)
    return Expunged(uids, modseq)


async def deleted_size(tx: Tx, mailbox_id: int) -> int:
    """Octets of the messages that are marked as deleted."""
    row = await tx.one(_DELETED_SIZE, mailbox_id)
    return int(row[0] or 0) if row else 0
