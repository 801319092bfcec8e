"""COPY and MOVE within an account (RFC 9051 §6.4.7, §6.4.8): rows are copied inside the database, content never."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from correo.mail.errors import Kind, Refused
from correo.mailbox import ranges as uidset
from correo.mailbox.changelog import What, note
from correo.mailbox.counting import NONE, Count, adjust, arrived
from correo.mailbox.quota import charge
from correo.mailbox.ranges import Ranges
from correo.mailbox.reading import ByRange
from correo.storage.db import Row, Tx

_ROWS = ByRange("m.uid, m.flags, m.size")
_STATE = "SELECT account_id, modseq, uidvalidity FROM mailbox_mailbox WHERE id = $1"
_COPY = """INSERT INTO mailbox_message
  (mailbox_id, uid, content_id, flags, keywords, modseq, received, received_zone, saved, size)
SELECT $1, $2 + row_number() OVER (ORDER BY uid) - 1, content_id, flags, keywords, $3, received, received_zone, $4, size
FROM mailbox_message WHERE mailbox_id = $5 AND uid BETWEEN $6 AND $7"""
_REMOVE = "DELETE FROM mailbox_message WHERE mailbox_id = $1 AND uid BETWEEN $2 AND $3"


@dataclass(frozen=True, slots=True)
class Copied:
    """What COPYUID tells (RFC 4315 §3)."""

    uidvalidity: int  # of the target
    pairs: list[tuple[int, int]]  # source UID and new UID, both ascending; empty when no message was there
    modseq: int  # of the change, or of the target where nothing changed


async def copy(tx: Tx, mailbox_id: int, ranges: Ranges, target_id: int, now: int) -> Copied:
    """Copies keep flags and INTERNALDATE (RFC 9051 §6.4.7) and are new to the target in every other way.

    Raises Refused: NOT_FOUND (one of the mailboxes), NO_PERMISSION (they belong to two accounts), OVER_QUOTA.
    """
    return await _transfer(tx, mailbox_id, ranges, target_id, now, remove=False)


async def move(tx: Tx, mailbox_id: int, ranges: Ranges, target_id: int, now: int) -> Copied:
    """As `copy`, and the messages leave their mailbox: one change to the account. Within one mailbox they get new UIDs."""
    return await _transfer(tx, mailbox_id, ranges, target_id, now, remove=True)


async def _transfer(
    tx: Tx, mailbox_id: int, ranges: Ranges, target_id: int, now: int, *, remove: bool
) -> Copied:
    source = await _state(tx, mailbox_id)
    target = await _state(tx, target_id)
    account_id, target_modseq, uidvalidity = target
    if source[0] != account_id:
        raise Refused(Kind.NO_PERMISSION, "a copy from one account to another")
    rows = await _ROWS.rows(tx, mailbox_id, ranges)
    if not rows:
        return Copied(uidvalidity, [], target_modseq)
    count = Count.of(row[1:] for row in rows)
    modseq = await charge(tx, account_id, NONE if remove else count)
    first, _ = await arrived(tx, target_id, modseq, count)
    spans = list(_spans(rows, ranges))
    copies = [(target_id, first + at, modseq, now, mailbox_id, low, high) for low, high, at in spans]
    await tx.many(_COPY, copies)
    await note(tx, account_id, modseq, target_id, What.APPEND, [(first, first + len(rows) - 1)], now)
    if remove:
        await tx.many(_REMOVE, [(mailbox_id, low, high) for low, high, _ in spans])
        await adjust(tx, mailbox_id, modseq, -count)
        gone = uidset.of(row[0] for row in rows)
        await note(tx, account_id, modseq, mailbox_id, What.EXPUNGE, gone, now)
    pairs = [(row[0], uid) for uid, row in enumerate(rows, first)]
    return Copied(uidvalidity, pairs, modseq)


async def _state(tx: Tx, mailbox_id: int) -> Row:
    row = await tx.one(_STATE, mailbox_id)
    if row is None:
        raise Refused(Kind.NOT_FOUND, f"mailbox {mailbox_id}")
    return row


def _spans(rows: Sequence[Row], ranges: Ranges) -> Iterator[tuple[int, int, int]]:
    """The ranges cut to the messages they hold, and the number of messages before each.

    Cut, because a range may reach to the end of all UIDs, where the copies appear when a mailbox is copied into itself.
    """
    at = 0
    for _, high in ranges:
        start = at
        while at < len(rows) and rows[at][0] <= high:
            at += 1
        if at > start:
            yield rows[start][0], rows[at - 1][0], start
