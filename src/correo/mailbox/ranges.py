"""Sets of UIDs as inclusive ranges: ascending, without overlap. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

MAX_UID = 2**32 - 1  # RFC 9051 §2.3.1.1: a UID has 32 bits

Range = tuple[int, int]
Ranges = Sequence[Range]

EVERYTHING: Ranges = ((1, MAX_UID),)


def of(uids: Iterable[int]) -> list[Range]:
    """From UIDs in strictly ascending order."""
    found: list[Range] = []
    low = high = -1
    for uid in uids:
        if uid == high + 1 and low >= 0:
            high = uid
            continue
        if low >= 0:
            found.append((low, high))
        low = high = uid
    if low >= 0:
        found.append((low, high))
    return found


def merged(ranges: Iterable[Range]) -> list[Range]:
    """The union of ranges in any order; neighbours grow together."""
    found: list[Range] = []
    for low, high in sorted(ranges):
        if found and low <= found[-1][1] + 1:
            if high > found[-1][1]:
                found[-1] = (found[-1][0], high)
        else:
            found.append((low, high))
    return found


def without(ranges: Ranges, gone: Ranges) -> list[Range]:
    """What is in `ranges` and not in `gone`; both merged. Linear in their lengths."""
    found: list[Range] = []
    at = 0
    for first, last in ranges:
        low = first
        while at < len(gone) and gone[at][1] < low:
            at += 1
        ahead = at
        while ahead < len(gone) and gone[ahead][0] <= last:
            if gone[ahead][0] > low:
                found.append((low, gone[ahead][0] - 1))
            low = gone[ahead][1] + 1
            ahead += 1
        at = max(at, ahead - 1)
        if low <= last:
            found.append((low, last))
    return found


def expanded(ranges: Iterable[Range]) -> Iterator[int]:
    """Every UID; for ranges that are known to be as many as there are messages."""
    for low, high in ranges:
        yield from range(low, high + 1)


def text(ranges: Iterable[Range]) -> str:
    """`1:4,7`, as the change log keeps it (the sequence-set of RFC 9051 §9)."""
    return ",".join(f"{low}:{high}" if high > low else str(low) for low, high in ranges)


def parsed(text: str) -> list[Range]:
    """What `text` wrote."""
    found: list[Range] = []
    for part in text.split(",") if text else ():
        low, _, high = part.partition(":")
        found.append((int(low), int(high or low)))
    return found
