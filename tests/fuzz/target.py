"""What is fuzzed: a function of octets that raises where a promise is broken, and what its inputs look like."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from random import Random

APART = b"\x1e"  # between the fields of an input that has several: U+001E, the "record separator"
OCTET_BY_OCTET = 600  # octets of an input that is also brought one at a time: all ways to cut are in that one

Change = Callable[[Random, bytes, int], bytes]  # an input; at most so many octets come of it


@dataclass(frozen=True, slots=True)
class Target:
    """`run` raises where the code under test breaks a promise; an input that makes no sense to it is simply passed over."""

    name: str
    covers: tuple[str, ...]  # modules, or packages with all that is in them, whose lines it is to reach
    run: Callable[[bytes], None]
    seeds: Callable[[], Iterable[bytes]]  # what is well formed, to begin with
    words: tuple[bytes, ...] = ()  # that mean something to the code
    most: int = 1_500  # octets of an input
    flood: int = 64 * 1024  # octets of one in which something is repeated; 0: not asked
    change: Change | None = None  # makes another input of one, where that is better than changing octets


def cuts(octets: bytes) -> Iterator[list[bytes]]:
    """The same stream in several ways of arriving; the same ones each time."""
    yield [octets] if octets else []
    if len(octets) <= OCTET_BY_OCTET:
        yield [octets[at : at + 1] for at in range(len(octets))]
    dice = Random(zlib.crc32(octets))
    marks = sorted(dice.randint(0, len(octets)) for _ in range(dice.randint(1, 4)))
    parts = (octets[start:end] for start, end in zip([0, *marks], [*marks, len(octets)], strict=True))
    yield [part for part in parts if part]


def alike(heard: Callable[[list[bytes]], object], octets: bytes) -> None:
    """However a stream is cut, what comes of it is the same."""
    ways = cuts(octets)
    whole = heard(next(ways))
    for pieces in ways:
        assert heard(pieces) == whole, f"another dialogue when it comes in {len(pieces)} pieces"


def fields(octets: bytes, count: int) -> list[bytes]:
    """The fields of an input, empty ones where there are too few."""
    found = octets.split(APART, count - 1)
    return [*found, *[b""] * (count - len(found))]


def texts(octets: bytes, count: int) -> list[str]:
    """The same as text; U+FFFD stands for what is not UTF-8."""
    return [field.decode("utf-8", "replace") for field in fields(octets, count)]


def joined(*parts: bytes | str) -> bytes:
    return APART.join(part.encode() if isinstance(part, str) else part for part in parts)
