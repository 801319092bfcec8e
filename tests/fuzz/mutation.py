"""New inputs from known ones: the runner's own dice, for where no libFuzzer is to be had and for the tests of every day."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

MEANT = (
    b"\r\n",
    b"\n",
    b"\r",
    b"\0",
    b" ",
    b"\t",
    b"\xff",
    b"\xc3\xa9",
    b".",
    b"\x1e",
    b'"',
    b"\\",
    b"(",
    b")",
    b"4294967296",
    b"-1",
)
MAX_CHANGES = 4  # to one input; more make noise of it

_Change = Callable[[Random, bytes, Sequence[bytes], Sequence[bytes]], bytes]


def mutated(dice: Random, known: Sequence[bytes], words: Sequence[bytes], most: int) -> bytes:
    """One of `known`, changed here and there; at most `most` octets."""
    octets = dice.choice(known) if known else b""
    for _ in range(dice.randint(1, MAX_CHANGES)):
        octets = dice.choice(_CHANGES)(dice, octets, known, words)[:most]
    return octets


def flood(dice: Random, known: Sequence[bytes], words: Sequence[bytes], size: int) -> bytes:
    """A beginning, and a few octets again and again."""
    octets = dice.choice(known) if known else b""
    at = dice.randint(0, len(octets))
    shred = octets[at : at + dice.randint(1, 12)] if dice.random() < 0.5 else dice.choice((*words, *MEANT))
    shred = shred or b"x"
    return (octets[:at] + shred * (size // len(shred)))[:size]


def _span(dice: Random, octets: bytes) -> tuple[int, int]:
    start = dice.randint(0, len(octets))
    return start, min(len(octets), start + dice.choice((1, 2, 4, 8, 16, 64)))


def _insert_word(dice: Random, octets: bytes, known: Sequence[bytes], words: Sequence[bytes]) -> bytes:
    at = dice.randint(0, len(octets))
    return octets[:at] + dice.choice((*words, *MEANT)) + octets[at:]


def _replace(dice: Random, octets: bytes, known: Sequence[bytes], words: Sequence[bytes]) -> bytes:
    start, end = _span(dice, octets)
    return octets[:start] + dice.choice((*words, *MEANT)) + octets[end:]


def _delete(dice: Random, octets: bytes, known: Sequence[bytes], words: Sequence[bytes]) -> bytes:
    start, end = _span(dice, octets)
    return octets[:start] + octets[end:]


def _repeat(dice: Random, octets: bytes, known: Sequence[bytes], words: Sequence[bytes]) -> bytes:
    start, end = _span(dice, octets)
    return octets[:start] + octets[start:end] * dice.choice((2, 3, 17)) + octets[end:]


def _swap(dice: Random, octets: bytes, known: Sequence[bytes], words: Sequence[bytes]) -> bytes:
    start, end = _span(dice, octets)
    return octets[:start] + octets[end:] + octets[start:end]


def _flip(dice: Random, octets: bytes, known: Sequence[bytes], words: Sequence[bytes]) -> bytes:
    at = dice.randint(0, len(octets))
    return (
        octets[:at]
        + bytes(octet ^ (1 << dice.randrange(8)) for octet in octets[at : at + 1])
        + octets[at + 1 :]
    )


def _splice(dice: Random, octets: bytes, known: Sequence[bytes], words: Sequence[bytes]) -> bytes:
    other = dice.choice(known) if known else b""
    start, end = _span(dice, octets)
    begin, stop = _span(dice, other)
    return octets[:start] + other[begin:stop] + octets[end:]


def _join(dice: Random, octets: bytes, known: Sequence[bytes], words: Sequence[bytes]) -> bytes:
    other = dice.choice(known) if known else b""
    return octets[: dice.randint(0, len(octets))] + other[dice.randint(0, len(other)) :]


_CHANGES: tuple[_Change, ...] = (
    _insert_word,
    _insert_word,
    _replace,
    _delete,
    _repeat,
    _swap,
    _flip,
    _splice,
    _join,
)
