"""STORE: flags of many messages in one operation (RFC 9051 §6.4.6, RFC 7162 §3.1.3)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from correo.mail.errors import Kind, Refused
from correo.mail.flags import DELETED, MAX_KEYWORDS, SEEN, Flags
from correo.mailbox import ranges as uidset
from correo.mailbox.changelog import What, note, note_seen, step_of_mailbox
from correo.mailbox.counting import Count, adjust
from correo.mailbox.ranges import Range, Ranges
from correo.mailbox.reading import ByRange
from correo.mailbox.seen import FLAGS, MODSEQ, OWNER, mark
from correo.storage.db import Row, Tx

How = Literal["add", "remove", "replace"]
Kept = tuple[int, str]  # flag bits and keywords as the two columns hold them
Change = tuple[int, int, str]  # UID, and what is kept for it from now on

_ROWS = ByRange("m.uid, m.flags, m.keywords, m.modseq")
_ROWS_OF_READER = ByRange(f"m.uid, {FLAGS}, m.keywords, {MODSEQ}, m.flags", of_reader=True)
_MODSEQ = "SELECT modseq FROM mailbox_mailbox WHERE id = $1"
_SET = """UPDATE mailbox_message SET flags = $4, keywords = $5, modseq = $6
WHERE mailbox_id = $1 AND uid BETWEEN $2 AND $3"""


@dataclass(frozen=True, slots=True)
class Stored:
    """`changed` and `modified` are ascending; messages that had the flags already are in neither."""

    modseq: int  # of the change, or of the mailbox where nothing changed
    changed: list[Change]
    modified: list[int]  # UIDs left alone because they changed after `unchanged_since` (RFC 7162 §3.1.3)


async def store_flags(
    tx: Tx,
    mailbox_id: int,
    ranges: Ranges,
    how: How,
    flags: Flags,
    now: int,
    unchanged_since: int | None = None,
    reader: int = OWNER,
) -> Stored:
    """Add, remove or replace flags; UIDs that do not exist are passed over. \\Seen is the reader's, here and in the answer.

    Raises Refused: NOT_FOUND (the mailbox has gone), TOO_MANY (keywords on one message).
    """
    before = await tx.one(_MODSEQ, mailbox_id)
    if before is None:
        raise Refused(Kind.NOT_FOUND, f"mailbox {mailbox_id}")
    if reader:
        rows = await _ROWS_OF_READER.rows(tx, mailbox_id, ranges, reader)
    else:
        rows = await _ROWS.rows(tx, mailbox_id, ranges)
    modified: list[int] = []
    if unchanged_since is not None:
        modified = [row[0] for row in rows if row[3] > unchanged_since]
        rows = [row for row in rows if row[3] <= unchanged_since]
    changed, count = _changed(rows, how, flags)
    if not changed:
        return Stored(before[0], [], modified)
    modseq, account_id = await step_of_mailbox(tx, mailbox_id)
    common = changed
    if reader:
        common = _common(rows, changed)
        count = Count(0, 0, count.deleted, 0)
        touched = await _mark(tx, mailbox_id, reader, rows, changed, modseq)
        if touched:
            await note_seen(tx, account_id, modseq, mailbox_id, reader, touched, now)
    await put_flags(tx, mailbox_id, common, modseq)
    await adjust(tx, mailbox_id, modseq, count)
    if common:
        touched = uidset.of(uid for uid, _, _ in common)
        await note(tx, account_id, modseq, mailbox_id, What.FLAGS, touched, now)
    return Stored(modseq, changed, modified)


def _common(rows: Sequence[Row], changed: Sequence[Change]) -> list[Change]:
    """What everybody will see of a reader's changes: all but \\Seen, which stays as the owner has it."""
    before = {row[0]: (row[4], row[2]) for row in rows}
    found = []
    for uid, bits, words in changed:
        after = (bits & ~SEEN) | (before[uid][0] & SEEN), words
        if after != before[uid]:
            found.append((uid, *after))
    return found


async def _mark(
    tx: Tx, mailbox_id: int, reader: int, rows: Sequence[Row], changed: Sequence[Change], modseq: int
) -> list[Range]:
    """Keep the reader's \\Seen where it changed; where that is."""
    before = {row[0]: row[1] for row in rows}
    touched = [(uid, bits) for uid, bits, _ in changed if (bits ^ before[uid]) & SEEN]
    read = uidset.of(uid for uid, bits in touched if bits & SEEN)
    unread = uidset.of(uid for uid, bits in touched if not bits & SEEN)
    await mark(tx, mailbox_id, reader, read, True, modseq)
    await mark(tx, mailbox_id, reader, unread, False, modseq)
    return uidset.merged(read + unread)


def _changed(rows: Sequence[Row], how: How, flags: Flags) -> tuple[list[Change], Count]:
    """The messages that will be different, and what that does to the counters."""
    kept_of_each: list[Kept] = [row[1:3] for row in rows]
    combinations = Counter(kept_of_each)  # few occur, however many messages
    outcomes = {kept: _after(kept, how, flags) for kept in combinations}
    altered = {kept: after for kept, after in outcomes.items() if after != kept}
    unseen = deleted = 0
    for kept, (bits, _) in altered.items():
        unseen += combinations[kept] * (_lacks(bits, SEEN) - _lacks(kept[0], SEEN))
        deleted += combinations[kept] * (_lacks(kept[0], DELETED) - _lacks(bits, DELETED))
    changed = [
        (row[0], *altered[kept]) for row, kept in zip(rows, kept_of_each, strict=True) if kept in altered
    ]
    return changed, Count(0, unseen, deleted, 0)


def _lacks(bits: int, flag: int) -> int:
    return 0 if bits & flag else 1


def _after(kept: Kept, how: How, flags: Flags) -> Kept:
    before = Flags.stored(*kept)
    if how == "add":
        after = before.add(flags)
    elif how == "remove":
        after = before.remove(flags)
    elif _folded(before) == _folded(flags):
        # Only the spelling of keywords differs, and the one first given stays.
        after = Flags(flags.bits, before.keywords)
    else:
        after = flags
    if len(after.keywords) > max(MAX_KEYWORDS, len(before.keywords)):
        raise Refused(Kind.TOO_MANY, "keywords on one message")
    return after.bits, " ".join(after.keywords)


def _folded(flags: Flags) -> set[str]:
    return {word.lower() for word in flags.keywords}


async def put_flags(tx: Tx, mailbox_id: int, changed: Sequence[Change], modseq: int) -> None:
    """Write flags of messages that are there, in ascending order, and nothing else: counters and change log are the caller's."""
    await tx.many(_SET, [(mailbox_id, *run, modseq) for run in _runs(changed)])


def _runs(changed: Sequence[Change]) -> list[tuple[int, int, int, str]]:
    """Neighbours with the same outcome as one range: low, high, bits, keywords. No other message lies in between."""
    found: list[tuple[int, int, int, str]] = []
    low, high, bits, words = -1, -1, 0, ""
    for uid, new_bits, new_words in changed:
        if uid == high + 1 and new_bits == bits and new_words == words:
            high = uid
            continue
        if low >= 0:
            found.append((low, high, bits, words))
        low, high, bits, words = uid, uid, new_bits, new_words
    if low >= 0:
        found.append((low, high, bits, words))
    return found
