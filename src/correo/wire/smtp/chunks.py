"""The octets of a BDAT chunk (RFC 3030 §2): counted, not looked through for an end, so that nothing has to be stuffed.

A chunk may end anywhere, between CR and LF too. What is wrong with the text of all chunks together is reported as for DATA.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from correo.wire.smtp.data import PIECE, Chunk, Fault

_SIZE = re.compile(r"([0-9]{1,20})(?:[ \t]+(LAST))?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class BeginChunk:
    """`size` octets follow, whatever is said to them. Needs no answer yet."""

    size: int
    last: bool


@dataclass(frozen=True, slots=True)
class EndOfChunk:
    """All octets of the chunk are here. `size` and `faults` are of the message so far."""

    last: bool
    size: int
    faults: Fault


def begin_chunk(argument: str) -> BeginChunk | None:
    """`size [LAST]`; None where the size cannot be read, and so nobody knows where the next command begins."""
    match = _SIZE.fullmatch(argument)
    return BeginChunk(int(match[1]), match[2] is not None) if match else None


class ChunkReader:
    """Of one message, from its first chunk to the last."""

    __slots__ = ("_after_cr", "_faults", "_last", "_left", "_max_size", "_size")

    def __init__(self, max_size: int) -> None:
        self._max_size = max_size
        self._left = 0
        self._last = False
        self._size = 0
        self._faults = Fault.NONE
        self._after_cr = False

    def begin(self, chunk: BeginChunk) -> None:
        self._left = chunk.size
        self._last = chunk.last

    def take(self, octets: bytes) -> Chunk | None:
        """The next octets, at most `wanted` of them; None where they are over the limit and not kept."""
        self._left -= len(octets)
        self._size += len(octets)
        if self._size > self._max_size:
            self._faults |= Fault.TOO_BIG
            return None
        text = b"\r" + octets if self._after_cr else octets
        self._after_cr = text.endswith(b"\r")
        breaks = text.count(b"\r\n")
        if text.count(b"\n") != breaks:
            self._faults |= Fault.BARE_LF
        if text.count(b"\r") - self._after_cr != breaks:
            self._faults |= Fault.BARE_CR
        if b"\0" in octets:
            self._faults |= Fault.NUL
        return Chunk(octets)

    @property
    def wanted(self) -> int:
        """Octets that are still to come, at most a piece."""
        return min(self._left, PIECE)

    def end(self) -> EndOfChunk:
        if self._last and self._after_cr:
            self._faults |= Fault.BARE_CR
        return EndOfChunk(self._last, self._size, self._faults)
