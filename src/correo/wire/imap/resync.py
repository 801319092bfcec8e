"""The QRESYNC parameter of SELECT: what a client that comes back still knows of the mailbox (RFC 7162 §3.2.5)."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from correo.wire.imap.grammar import Arguments, SyntaxFault
from correo.wire.imap.types import Range, SequenceSet

_NONE = SequenceSet()


@dataclass(frozen=True, slots=True)
class Resync:
    uidvalidity: int
    modseq: int
    known: SequenceSet | None = None  # the UIDs it wants to hear of; None: all
    numbers: SequenceSet = _NONE  # a sample of message numbers,
    uids: SequenceSet = _NONE  # and the UIDs it believes them to have

    def settled(self, uids: Sequence[int]) -> int:
        """The UID up to which the client knows of every expunge, 0 for none; `uids` are those of all messages, in order.

        It is the highest of its sample that still has the number it remembers (RFC 7162 §3.2.5.2). A search for each range
        of the sample, however many numbers that holds: `uids[n] - n` never falls.
        """
        found = 0
        for (first, _), (low, high) in _paired(self.numbers.ranges, self.uids.ranges):
            start, stop = first - 1, min(first + high - low, len(uids))
            shift = low - start
            at = bisect_right(range(start, max(start, stop)), shift, key=lambda n: uids[n] - n) + start - 1
            if at >= start and uids[at] - at == shift:
                found = uids[at]
        return found


def resync(args: Arguments) -> Resync:
    """`SP "(" uidvalidity SP mod-sequence-value [SP known-uids] [SP seq-match-data] ")"`. Raises SyntaxFault."""
    args.sp().expect(b"(")
    uidvalidity, modseq = args.nz_number(), args.sp().number64()
    known: SequenceSet | None = None
    numbers = uids = _NONE
    if args.take(b" "):
        if not args.peek(b"("):
            known = _set(args)
        if known is None or args.take(b" "):
            args.expect(b"(")
            args.no_numbers()
            numbers, uids = _set(args), _set(args.sp())
            args.expect(b")")
    args.expect(b")")
    return Resync(uidvalidity, modseq, known, numbers, uids)


def _set(args: Arguments) -> SequenceSet:
    members = args.sequence_set()
    if members.star is not None:
        raise SyntaxFault("* stands for no message that is known")
    return members


def _paired(first: Sequence[Range], second: Sequence[Range]) -> Iterator[tuple[Range, Range]]:
    """Both cut to pieces of the same lengths, in order; what one has more than the other is left out."""
    if not first or not second:
        return
    ones, others = iter(first), iter(second)
    one, other = next(ones), next(others)
    while True:
        more = min(one[1] - one[0], other[1] - other[0])
        yield (one[0], one[0] + more), (other[0], other[0] + more)
        try:
            one = (one[0] + more + 1, one[1]) if one[0] + more < one[1] else next(ones)
            other = (other[0] + more + 1, other[1]) if other[0] + more < other[1] else next(others)
        except StopIteration:
            return
