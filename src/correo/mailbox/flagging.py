"""STORE: flags of many messages in one operation (RFC 9051 §6.4.6, RFC 7162 §3.1.3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from correo.mail.errors import Kind, Refused
from correo.mail.flags import DELETED, MAX_KEYWORDS, SEEN, Flags
from correo.mailbox import ranges as uidset
from correo.mailbox.changelog import What, note, step_of_mailbox
from correo.mailbox.counting import Count, adjust
from correo.mailbox.ranges import Ranges
from correo.mailbox.reading import ByRange
from correo.storage.db import Row, Tx

How = Literal["add", "remove", "replace"]
Kept = tuple[int, str]  # flag bits and keywords as the two columns hold them

_ROWS = ByRange("m.uid, m.flags, m.keywords, m.modseq")
_MODSEQ = "SELECT modseq FROM mailbox_mailbox WHERE id = $1"
_SET = """UPDATE mailbox_message SET flags = $4, keywords = $5, modseq = $6
WHERE mailbox_id = $1 AND uid BETWEEN $2 AND $3"""


@dataclass(frozen=True, slots=True)
class Stored:
    """`changed` and `modified` are ascending; messages that had the flags already are in neither."""

    modseq: int  # of the change, or of the mailbox where nothing changed
    changed: list[tuple[int, int, str]]  # UID, flag bits, keywords
    modified: list[int]  # UIDs left alone because they changed after `unchanged_since` (RFC 7162 §3.1.3)


async def store_flags(
    tx: Tx,
    mailbox_id: int,
    ranges: Ranges,
    how: How,
    flags: Flags,
    now: int,
    unchanged_since: int | None = None,
) -> Stored:
    """Add, remove or replace flags; UIDs that do not exist are passed over.

    Raises Refused: NOT_FOUND (the mailbox has gone), TOO_MANY (keywords on one message).
    """
    before = await tx.one(_MODSEQ, mailbox_id)
    if before is None:
        raise Refused(Kind.NOT_FOUND, f"mailbox {mailbox_id}")
    rows = await _ROWS.rows(tx, mailbox_id, ranges)
    modified: list[int] = []
    if unchanged_since is not None:
        modified = [row[0] for row in rows if row[3] > unchanged_since]
        rows = [row for row in rows if row[3] <= unchanged_since]
    changed, count = _changed(rows, how, flags)
    if not changed:
        return Stored(before[0], [], modified)
    modseq, account_id = await step_of_mailbox(tx, mailbox_id)
    await tx.many(_SET, [(mailbox_id, *run, modseq) for run in _runs(changed)])
    await adjust(tx, mailbox_id, modseq, count)
    touched = uidset.of(uid for uid, _, _ in changed)
    await note(tx, account_id, modseq, mailbox_id, What.FLAGS, touched, now)
    return Stored(modseq, changed, modified)


def _changed(rows: Sequence[Row], how: How, flags: Flags) -> tuple[list[tuple[int, int, str]], Count]:
    """The messages that will be different, and what that does to the counters."""
    outcomes: dict[Kept, Kept] = {}  # few combinations occur, however many messages
    changed = []
    unseen = deleted = 0
    for uid, bits, words, _ in rows:
        kept = bits, words
        after = outcomes.get(kept)
        if after is None:
            after = outcomes[kept] = _after(kept, how, flags)
        if after != kept:
            changed.append((uid, *after))
            difference = bits ^ after[0]
            if difference & SEEN:
                unseen += 1 if bits & SEEN else -1
            if difference & DELETED:
                deleted += -1 if bits & DELETED else 1
    return changed, Count(0, unseen, deleted, 0)


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


def _runs(changed: Sequence[tuple[int, int, str]]) -> list[tuple[int, int, int, str]]:
    """Neighbours with the same outcome as one range: low, high, bits, keywords. No other message lies in between."""
    runs: list[tuple[int, int, int, str]] = []
    low, high, bits, words = -1, -1, 0, ""
    for uid, new_bits, new_words in changed:
        if uid == high + 1 and new_bits == bits and new_words == words:
            high = uid
            continue
        if low >= 0:
            runs.append((low, high, bits, words))
        low, high, bits, words = uid, uid, new_bits, new_words
    runs.append((low, high, bits, words))
    return runs
