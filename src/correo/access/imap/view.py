"""What one client believes to be in its mailbox: message numbers, and what it has not been told yet. Pure.

The numbers change only in `take_expunged` and `take_arrived`, whose results must be told to the client at once.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from itertools import repeat
from typing import NamedTuple

from correo.mailbox import MAX_UID, Changes
from correo.wire.imap.types import Range, SequenceSet

FEW = 64  # deletions that are made one by one; each moves all that stands behind it
_NONE: frozenset[int] = frozenset()


class BadNumber(Exception):
    """A message number that the mailbox does not have (RFC 3501 §9 `seq-number`)."""


class Messages(NamedTuple):
    """The messages a command names, by numbers or by UIDs, or by `$`, which is the same for both (RFC 5182 §2.1)."""

    members: SequenceSet
    uid: bool
    saved: bool = False


class View:
    """`uids[n - 1]` is the UID of message number n; those in `gone` exist no more, but keep their numbers until that is told."""

    def __init__(self, uids: Iterable[int], modseq: int) -> None:
        self.uids = array("I", uids)
        self.modseq = modseq
        self.told = modseq  # the client has been told everything up to this (RFC 7162 §3.2)
        self._gone: set[int] | None = None  # an empty set would weigh more than the rest of us
        self._changed: set[int] | None = None
        self.saved = SequenceSet()  # UIDs that `$` stands for
        self.touched: set[int] | None = None  # UIDs that came or changed, where somebody wants to know
        self._arrived: list[int] = []
        self._recent: list[Range] = []

    def __len__(self) -> int:
        return len(self.uids)

    @property
    def gone(self) -> AbstractSet[int]:
        return self._gone or _NONE

    @property
    def changed(self) -> AbstractSet[int]:
        """UIDs whose flags the client has to be told."""
        return self._changed or _NONE

    # -- numbers ------------------------------------------------------------------------------------------------------

    def number(self, uid: int) -> int:
        """0 for a message that has no number."""
        at = bisect_left(self.uids, uid)
        return at + 1 if at < len(self.uids) and self.uids[at] == uid else 0

    def spans(self, messages: Messages) -> list[range]:
        """Where the messages stand in `uids`. UIDs that are not there are passed over; raises BadNumber for such numbers."""
        if messages.saved:
            return self.saved.spans(self.uids)
        if messages.uid:
            return messages.members.spans(self.uids)
        if messages.members.exceeds(len(self.uids)):
            raise BadNumber
        return messages.members.numbered(len(self.uids))

    def ranges(self, spans: Iterable[range]) -> list[Range]:
        """The same messages as ranges of UIDs: between neighbours in `uids` there is no other message."""
        return [(self.uids[span.start], self.uids[span.stop - 1]) for span in spans]

    def runs(self, uids: Iterable[int]) -> list[range]:
        """Where these UIDs stand, which are numbered and ascend; neighbours together."""
        runs: list[range] = []
        for uid in uids:
            at = bisect_left(self.uids, uid)
            if runs and runs[-1].stop == at:
                runs[-1] = range(runs[-1].start, at + 1)
            else:
                runs.append(range(at, at + 1))
        return runs

    # -- what happened ------------------------------------------------------------------------------------------------

    def absorb(self, changes: Changes) -> None:
        """Take note of what happened since `modseq`; the client is told later."""
        if changes.modseq <= self.modseq:
            return
        self.modseq = changes.modseq
        newest = self._arrived[-1] if self._arrived else self.uids[-1] if self.uids else 0
        arrived = [uid for uid in changes.appended if uid > newest]
        for low, high in changes.expunged:
            start = bisect_left(self.uids, low)
            if self._gone is None:
                self._gone = set()
            self._gone.update(self.uids[start : bisect_right(self.uids, high, start)])
        if self._arrived and changes.expunged:
            self._arrived = [uid for uid in self._arrived if not within(changes.expunged, uid)]
        self._arrived += arrived
        # Of a message whose arrival is not told yet the client has no flags to correct.
        if flagged := {uid for uid in changes.flagged if self.number(uid)}:
            if self._changed is None:
                self._changed = flagged
            else:
                self._changed |= flagged
        if self._gone and self._changed:
            self._changed -= self._gone
        if self.touched is not None:
            self.touched.update(changes.flagged)

    def known(self, modseq: int) -> None:
        """The client knows everything up to `modseq` but what is noted here: the last of it was its own doing."""
        self.modseq = max(self.modseq, modseq)

    @property
    def has_arrivals(self) -> bool:
        return bool(self._arrived)

    def take_expunged(self) -> list[int]:
        """Numbers for EXPUNGE responses, the highest first, so that each means what it says (RFC 3501 §7.4.1)."""
        if not self.gone:
            return []
        numbers = sorted((self.number(uid) for uid in self.gone), reverse=True)
        if len(numbers) < FEW:
            for number in numbers:
                del self.uids[number - 1]
        else:
            self.uids = array("I", [uid for uid in self.uids if uid not in self.gone])
        self._gone = None
        return numbers

    def take_arrived(self) -> list[int]:
        """UIDs that now have numbers; if there are any, EXISTS is due."""
        arrived, self._arrived = self._arrived, []
        self.uids.extend(arrived)
        if self.touched is not None:
            self.touched.update(arrived)
        return arrived

    def take_changed(self) -> list[int]:
        """UIDs for FETCH responses, ascending; those of messages that are gone are left out."""
        changed = sorted(self.changed - self.gone)
        self._changed = None
        return changed

    def heard_of(self, uids: Iterable[int]) -> None:
        """The client knows their flags by an answer that it asked for."""
        if self._changed:
            self._changed.difference_update(uids)

    # -- \Recent ------------------------------------------------------------------------------------------------------

    def add_recent(self, low: int, high: int) -> None:
        """The messages from UID `low` to `high` are recent to this session (RFC 3501 §2.3.2), if they were not before."""
        last = self._recent[-1][1] if self._recent else 0
        low = max(low, last + 1)
        if low > high:
            return
        if self._recent and low == last + 1:
            low = self._recent.pop()[0]
        self._recent.append((low, high))

    def forget_recent(self) -> None:
        """From now on no message is recent: IMAP4rev2 knows no such flag."""
        self._recent.clear()

    def is_recent(self, uid: int) -> bool:
        return bool(self._recent) and within(self._recent, uid)

    def recent_among(self, uids: Sequence[int]) -> Iterable[bool]:
        """`is_recent` for each of these, which ascend: nearly always all are, or none."""
        alike = self.recent_alike(uids[0], uids[-1])
        return map(self.is_recent, uids) if alike is None else repeat(alike, len(uids))

    def recent_alike(self, low: int, high: int) -> bool | None:
        """`is_recent` for each UID from `low` to `high`, None where it is not the same for all."""
        touched = [span for span in self._recent if span[0] <= high and low <= span[1]]
        if not touched:
            return False
        return True if touched[0][0] <= low and high <= touched[0][1] else None

    @property
    def recent(self) -> int:
        """How many of the numbered messages are recent."""
        return sum(bisect_right(self.uids, high) - bisect_left(self.uids, low) for low, high in self._recent)


def within(ranges: Sequence[Range], uid: int) -> bool:
    """`ranges` ascend and do not overlap."""
    at = bisect_right(ranges, (uid, MAX_UID)) - 1
    return at >= 0 and uid <= ranges[at][1]


def part(spans: Iterable[range], wanted: range) -> list[range]:
    """Of the positions in the spans, counted through, those from `wanted.start` to `wanted.stop`."""
    found: list[range] = []
    passed = 0
    for span in spans:
        some = span[max(0, wanted.start - passed) : max(0, wanted.stop - passed)]
        if some:
            found.append(some)
        passed += len(span)
    return found


def slices(spans: Iterable[range], size: int) -> Iterator[list[range]]:
    """The same positions in groups of at most `size`."""
    group: list[range] = []
    room = size
    for span in spans:
        start = span.start
        while start < span.stop:
            stop = min(span.stop, start + room)
            group.append(range(start, stop))
            room -= stop - start
            start = stop
            if not room:
                yield group
                group, room = [], size
    if group:
        yield group
