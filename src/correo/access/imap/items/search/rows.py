"""SEARCH keys that the row of a message answers: flags, dates, sizes, numbers (RFC 3501 §6.4.4)."""

from __future__ import annotations

import datetime
from bisect import bisect_right
from collections.abc import Callable
from typing import Any

from correo.access.imap.items.search.facts import Facts
from correo.access.imap.items.search.row import Compiled, Mailbox
from correo.access.imap.objectid import content_of, threadid
from correo.mail.flags import SYSTEM
from correo.mail.instant import DAY, MINUTE, SECOND
from correo.wire.imap.search import (
    All,
    Before,
    Day,
    EmailId,
    Flag,
    Larger,
    ModSeq,
    Numbers,
    Older,
    On,
    Saved,
    Since,
    Smaller,
    ThreadId,
    Uids,
    Younger,
)
from correo.wire.imap.types import MAX_NUMBER64, SequenceSet

_EPOCH = datetime.date(1970, 1, 1).toordinal()
_SENT = frozenset({"sent", "sent_zone"})
_THREADED = frozenset({"header", "message_id"})
_BITS = {name.lower(): bit for name, bit in SYSTEM.items()}


def all_(key: All, box: Mailbox) -> Compiled:
    return Compiled(lambda facts: True)


def flag(key: Flag, box: Mailbox) -> Compiled:
    name = key.name.lower()
    if name == "\\recent":
        return Compiled(lambda facts: facts.recent)
    bit = _BITS.get(name)
    if bit is not None:
        return Compiled(lambda facts: facts.row.flags & bit != 0)
    return Compiled(lambda facts: bool(facts.row.keywords) and name in facts.row.keywords.lower().split(" "))


def larger(key: Larger, box: Mailbox) -> Compiled:
    return Compiled(lambda facts: facts.row.size > key.octets)


def smaller(key: Smaller, box: Mailbox) -> Compiled:
    return Compiled(lambda facts: facts.row.size < key.octets)


def uids(key: Uids, box: Mailbox) -> Compiled:
    inside = _inside(key.uids, box.last_uid)
    return Compiled(lambda facts: inside(facts.row.uid))


def numbers(key: Numbers, box: Mailbox) -> Compiled:
    inside = _inside(key.numbers, box.count)
    return Compiled(lambda facts: inside(facts.number))


def modseq(key: ModSeq, box: Mailbox) -> Compiled:
    return Compiled(lambda facts: facts.row.modseq >= key.modseq)


def saved(key: Saved, box: Mailbox) -> Compiled:
    return uids(Uids(box.saved), box)


def older(key: Older, box: Mailbox) -> Compiled:
    since = box.now - key.seconds * SECOND
    return Compiled(lambda facts: facts.row.received <= since)


def younger(key: Younger, box: Mailbox) -> Compiled:
    since = box.now - key.seconds * SECOND
    return Compiled(lambda facts: facts.row.received >= since)


def _inside(members: SequenceSet, largest: int) -> Callable[[int], bool]:
    ranges = members.resolve(largest)

    def inside(number: int) -> bool:
        at = bisect_right(ranges, (number, MAX_NUMBER64)) - 1
        return at >= 0 and number <= ranges[at][1]

    return inside


def email_id(key: EmailId, box: Mailbox) -> Compiled:
    content_id = content_of(key.id)
    return Compiled(lambda facts: facts.row.content_id == content_id)


def thread_id(key: ThreadId, box: Mailbox) -> Compiled:
    def test(facts: Facts) -> bool:
        row = facts.row
        return threadid(row.header, row.message_id, row.content_id) == key.id

    return Compiled(test, columns=_THREADED)


def dated(compare: Callable[[int, int], bool]) -> Callable[[Before | On | Since, Mailbox], Compiled]:
    """A row for days as they were in the zone of the message, "disregarding time and timezone"."""

    def compiled(key: Before | On | Since, box: Mailbox) -> Compiled:
        day = key.date.toordinal() - _EPOCH

        def internal(facts: Facts) -> bool:
            row = facts.row
            return compare((row.received + row.received_zone * MINUTE) // DAY, day)

        def sent(facts: Facts) -> bool:
            """Never true of a message without a date."""
            row = facts.row
            return row.sent is not None and compare((row.sent + row.sent_zone * MINUTE) // DAY, day)

        def saved(facts: Facts) -> bool:
            """In UTC, the zone in which FETCH SAVEDATE tells it."""
            return compare(facts.row.saved // DAY, day)

        if key.day is Day.SENT:
            return Compiled(sent, columns=_SENT)
        return Compiled(internal if key.day is Day.INTERNAL else saved)

    return compiled


ROWS: dict[type[Any], Callable[[Any, Mailbox], Compiled]] = {
    All: all_,
    Before: dated(lambda day, wanted: day < wanted),
    EmailId: email_id,
    Flag: flag,
    Larger: larger,
    ModSeq: modseq,
    Numbers: numbers,
    Older: older,
    On: dated(lambda day, wanted: day == wanted),
    Saved: saved,
    Since: dated(lambda day, wanted: day >= wanted),
    Smaller: smaller,
    ThreadId: thread_id,
    Uids: uids,
    Younger: younger,
}
