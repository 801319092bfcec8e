"""Values of the IMAP grammar that more than one command speaks of: sequence sets and date-times."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

MAX_NUMBER = 0xFFFF_FFFF  # `number` is an unsigned 32-bit integer (RFC 3501 §9)
MAX_NUMBER64 = 0x7FFF_FFFF_FFFF_FFFF  # `number64` is an unsigned 63-bit integer (RFC 9051 §9)

Range = tuple[int, int]  # both ends belong to it, low <= high

_NOTHING: Range = (MAX_NUMBER + 1, 0)  # the hull of no numbers: taking the hull with it changes nothing


class DateTime(NamedTuple):
    """An instant and the zone it was told in, which INTERNALDATE should show again."""

    instant: int  # microseconds since 1970-01-01 UTC
    offset: int  # minutes east of UTC


@dataclass(frozen=True, slots=True)
class SequenceSet:
    """A `sequence-set` (RFC 3501 §9): numbers of messages or UIDs, kept as ranges and never written out.

    `ranges` are sorted and have gaps between them. What was said with `*` is `star`: the hull of its two ends and
    of the largest number in use. So `7:*` is the hull of 7 and that number, `*` alone has no end of its own (the
    first of its two is then larger than any number, the second 0), and several such ranges have one hull together.
    """

    ranges: tuple[Range, ...] = ()
    star: Range | None = None

    @classmethod
    def of(cls, ranges: Iterable[Range], star_ends: Iterable[int | None] = ()) -> SequenceSet:
        """`star_ends`: the n of each `n:*`, None for a lone `*`. Each range may be given either way round."""
        hull: Range | None = None
        for end in star_ends:
            low, high = hull or _NOTHING
            hull = (low, high) if end is None else (min(low, end), max(high, end))
        return cls(_merged(sorted((min(pair), max(pair)) for pair in ranges)), hull)

    @classmethod
    def from_numbers(cls, numbers: Iterable[int]) -> SequenceSet:
        """The shortest set of these numbers; quickest when they come sorted."""
        return cls(_merged((number, number) for number in sorted(numbers)))

    def __bool__(self) -> bool:
        return bool(self.ranges) or self.star is not None

    def __str__(self) -> str:
        """The wire form; "" for the empty set, which has none."""
        words = [str(low) if low == high else f"{low}:{high}" for low, high in self.ranges]
        if self.star is not None:
            ends = sorted({end for end in self.star if 0 < end <= MAX_NUMBER})
            words += [f"{end}:*" for end in ends] or ["*"]
        return ",".join(words)

    def resolve(self, largest: int) -> tuple[Range, ...]:
        """The ranges when `*` is `largest`; where that is 0 there are no messages and `*` names none."""
        if self.star is None or largest <= 0:
            return self.ranges
        low, high = self.star
        return _merged(sorted((*self.ranges, (min(low, largest), max(high, largest)))))

    def contains(self, number: int, largest: int) -> bool:
        ranges = self.resolve(largest)
        at = bisect_right(ranges, (number, MAX_NUMBER64)) - 1
        return at >= 0 and number <= ranges[at][1]

    def exceeds(self, count: int) -> bool:
        """Whether it names a message that a mailbox of `count` messages has not (RFC 3501 §9 `seq-number`)."""
        highest = max(self.ranges[-1][1] if self.ranges else 0, self.star[1] if self.star else 0)
        return highest > count or (self.star is not None and count == 0)

    def spans(self, uids: Sequence[int]) -> list[range]:
        """Read as UIDs: where the members stand in the sorted `uids`, as ranges of indices.

        A step per range of the set and a search in `uids`, whatever the numbers: `1:4294967295` is one step.
        """
        found: list[range] = []
        start = 0
        for low, high in self.resolve(uids[-1] if uids else 0):
            start = bisect_left(uids, low, start)
            stop = bisect_right(uids, high, start)
            if start < stop:
                found.append(range(start, stop))
            if stop == len(uids):
                break
            start = stop
        return found

    def numbered(self, count: int) -> list[range]:
        """Read as sequence numbers: the indices (number less 1) it names in a mailbox of `count` messages."""
        ranges = ((low - 1, min(high, count)) for low, high in self.resolve(count))
        return [range(start, stop) for start, stop in ranges if start < stop]

    def select(self, uids: Sequence[int]) -> list[int]:
        """Read as UIDs: the members among the sorted `uids`."""
        return _taken(uids, self.spans(uids))

    def pick(self, uids: Sequence[int]) -> list[int]:
        """Read as sequence numbers: their UIDs, where `uids` are those of all messages, in order."""
        return _taken(uids, self.numbered(len(uids)))


def _merged(ranges: Iterable[Range]) -> tuple[Range, ...]:
    """`ranges` come sorted; neighbours and overlaps become one."""
    coming = iter(ranges)
    first, last = next(coming, _NOTHING)
    if last < first:
        return ()
    merged: list[Range] = []
    for low, high in coming:
        if low > last + 1:
            merged.append((first, last))
            first, last = low, high
        elif high > last:
            last = high
    merged.append((first, last))
    return tuple(merged)


def _taken(uids: Sequence[int], spans: list[range]) -> list[int]:
    taken: list[int] = []
    for span in spans:
        taken += uids[span.start : span.stop]
    return taken
