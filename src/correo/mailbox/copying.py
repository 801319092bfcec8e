"""COPY and MOVE (RFC 9051 §6.4.7, §6.4.8): rows are copied inside the database, content never, from whose mailbox to whose it is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from correo.mail.errors import Kind, Refused
from correo.mail.flags import SEEN, Flags
from correo.mailbox import ranges as uidset
from correo.mailbox.changelog import What, note
from correo.mailbox.counting import NONE, Count, adjust, arrived
from correo.mailbox.flagging import put_flags
from correo.mailbox.quota import charge
from correo.mailbox.ranges import Ranges
from correo.mailbox.reading import ByRange
from correo.mailbox.rights import ALL_RIGHTS, Rights, allowed, may_set_all
from correo.mailbox.seen import FLAGS, OWNER, forget_seen, mark
from correo.mailbox.uidls import forget_uidls
from correo.storage.db import Row, Tx

_ROWS = ByRange("m.uid, m.flags, m.size")
_SHOWN = ByRange("m.uid, m.flags, m.size, m.flags, m.keywords")
_SHOWN_TO_READER = ByRange(f"m.uid, m.flags, m.size, {FLAGS}, m.keywords", of_reader=True)
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
    modseq: int  # of the change to the target, or of the target where nothing changed


@dataclass(frozen=True, slots=True)
class _Way:
    """Whose \\Seen the messages show where they are and get where they go, and which flags they keep there."""

    reader: int
    target_reader: int
    rights: Rights

    @property
    def plain(self) -> bool:
        """From owner to owner: rows are copied as they are."""
        return self.reader == self.target_reader == OWNER and may_set_all(self.rights)


class _Landing(NamedTuple):
    """A copy that is not as its original."""

    bits: int
    words: str  # its keywords
    size: int
    seen: bool  # by the target's reader


async def copy(
    tx: Tx,
    mailbox_id: int,
    ranges: Ranges,
    target_id: int,
    now: int,
    *,
    reader: int = OWNER,
    target_reader: int = OWNER,
    rights: Rights = ALL_RIGHTS,
) -> Copied:
    """Copies keep flags and INTERNALDATE (RFC 9051 §6.4.7) and are new to the target in every other way.

    \\Seen is that of `reader` and becomes that of `target_reader`; others have not seen the copy. Flags that `rights`, those in
    the target, do not let him set are left out (RFC 4314 §4). Raises Refused: NOT_FOUND (one of the mailboxes), OVER_QUOTA (of
    the account that owns the target).
    """
    way = _Way(reader, target_reader, rights)
    return await _transfer(tx, mailbox_id, ranges, target_id, now, way, remove=False)


async def move(
    tx: Tx,
    mailbox_id: int,
    ranges: Ranges,
    target_id: int,
    now: int,
    *,
    reader: int = OWNER,
    target_reader: int = OWNER,
    rights: Rights = ALL_RIGHTS,
) -> Copied:
    """As `copy`, and the messages leave their mailbox: one change to each account. Within one mailbox they get new UIDs."""
    way = _Way(reader, target_reader, rights)
    return await _transfer(tx, mailbox_id, ranges, target_id, now, way, remove=True)


async def _transfer(
    tx: Tx, mailbox_id: int, ranges: Ranges, target_id: int, now: int, way: _Way, *, remove: bool
) -> Copied:
    source_account = (await _state(tx, mailbox_id))[0]
    account_id, target_modseq, uidvalidity = await _state(tx, target_id)
    rows = await _rows(tx, mailbox_id, ranges, way)
    if not rows:
        return Copied(uidvalidity, [], target_modseq)
    spans = list(_spans(rows, ranges))
    landing = None if way.plain else [_landing(row, way) for row in rows]
    leaving = Count.of(row[1:3] for row in rows)
    count = leaving if landing is None else Count.of((one.bits, one.size) for one in landing)
    within = remove and source_account == account_id
    modseq = await charge(tx, account_id, NONE if within else count)
    first, _ = await arrived(tx, target_id, modseq, count)
    copies = [(target_id, first + at, modseq, now, mailbox_id, low, high) for low, high, at in spans]
    await tx.many(_COPY, copies)
    if landing is not None:
        await _land(tx, target_id, first, landing, way.target_reader, modseq)
    await note(tx, account_id, modseq, target_id, What.APPEND, [(first, first + len(rows) - 1)], now)
    if remove:
        left = modseq if within else await charge(tx, source_account, -leaving)
        await tx.many(_REMOVE, [(mailbox_id, low, high) for low, high, _ in spans])
        await adjust(tx, mailbox_id, left, -leaving)
        gone = uidset.of(row[0] for row in rows)
        await forget_seen(tx, mailbox_id, gone)
        await forget_uidls(tx, mailbox_id, gone)
        await note(tx, source_account, left, mailbox_id, What.EXPUNGE, gone, now)
    pairs = [(row[0], uid) for uid, row in enumerate(rows, first)]
    return Copied(uidvalidity, pairs, modseq)


async def _rows(tx: Tx, mailbox_id: int, ranges: Ranges, way: _Way) -> list[Row]:
    """UID, flags as they are kept, size; and unless they are copied as they are, flags and keywords as they are shown."""
    if way.plain:
        return await _ROWS.rows(tx, mailbox_id, ranges)
    if way.reader:
        return await _SHOWN_TO_READER.rows(tx, mailbox_id, ranges, way.reader)
    return await _SHOWN.rows(tx, mailbox_id, ranges)


def _landing(row: Row, way: _Way) -> _Landing:
    _, _, size, bits, words = row
    flags = allowed(Flags.stored(bits, words), way.rights)
    seen = flags.bits & SEEN if way.target_reader else 0
    return _Landing(flags.bits & ~seen, " ".join(flags.keywords), size, seen != 0)


async def _land(
    tx: Tx, target_id: int, first: int, landing: Sequence[_Landing], reader: int, modseq: int
) -> None:
    """Give the copies the flags that they have there."""
    kept = [(uid, one.bits, one.words) for uid, one in enumerate(landing, first)]
    await put_flags(tx, target_id, kept, modseq)
    seen = uidset.of(uid for uid, one in enumerate(landing, first) if one.seen)
    await mark(tx, target_id, reader, seen, True, modseq)


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
