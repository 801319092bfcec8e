"""The text of a message between 354 and the final dot (RFC 5321 §4.1.1.4, §4.5.2).

Only CR LF . CR LF ends it. A CR or LF on its own is never a line end here: what one server takes for the end of a message and
the next does not is a door for forged mail (SMTP smuggling). Such text is reported as a fault, and it is refused as a whole
once its true end has come.

Lines are not limited: RFC 5321 §4.5.3.1.6 asks a server to impose no limit where it can, and nothing here works line by line.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Flag, auto

PIECE = (
    64 * 1024
)  # octets gathered before they are passed on: one-octet packets must not become one-octet objects

_BREAK = b"\r\n"
_DOTTED = b"\r\n."
_END = b"\r\n.\r\n"


class Fault(Flag):
    """What is wrong with a message that was sent to its end."""

    NONE = 0
    BARE_LF = auto()
    BARE_CR = auto()
    NUL = auto()  # 8BITMIME does not include it (RFC 6152 §3)
    TOO_BIG = auto()  # the octets over the limit were swallowed, not kept


@dataclass(frozen=True, slots=True)
class Chunk:
    """Octets of the message, dots removed. Needs no answer."""

    data: bytes


@dataclass(frozen=True, slots=True)
class EndOfData:
    """The final dot. `size` is counted as RFC 1870 §3 does: line ends count, added dots do not."""

    size: int
    faults: Fault


class DataReader:
    """Takes octets in any pieces, gives chunks and the end; looks at each octet a fixed number of times."""

    __slots__ = ("_buffer", "_faults", "_first", "_looked", "_max_size", "_over", "_size")

    def __init__(self, max_size: int, waiting: bytes = b"") -> None:
        self._max_size = max_size
        # The line end of the DATA command itself may be the one before the dot (RFC 5321 §4.1.1.4).
        self._buffer = bytearray(_BREAK + waiting)
        self._first = True
        self._looked = 0
        self._size = 0
        self._faults = Fault.NONE
        self._over = False

    def feed(self, data: bytes) -> None:
        self._buffer += data

    def next(self) -> Chunk | EndOfData | None:
        """None while there is too little to tell. After EndOfData only `rest` may be used."""
        if self._over:
            return EndOfData(self._size, self._faults)
        buffer = self._buffer
        end = buffer.find(_END, self._looked)
        if end >= 0:
            self._over = True
            text = self._take(end + len(_BREAK))
            del buffer[: len(_END) - len(_BREAK)]
        elif len(buffer) < PIECE:
            self._looked = max(0, len(buffer) - len(_END) + 1)
            return None
        else:
            self._looked = 0
            text = self._take(len(buffer) - _held_back(buffer))
        if text:
            return Chunk(text)
        return EndOfData(self._size, self._faults) if self._over else None

    def rest(self) -> bytes:
        """What was sent after the final dot."""
        return bytes(self._buffer)

    def _take(self, size: int) -> bytes:
        with memoryview(self._buffer) as view:
            raw = bytes(view[:size])
        del self._buffer[:size]
        text = raw.replace(_DOTTED, _BREAK)
        if self._first:
            self._first = False
            text = text[len(_BREAK) :]
        self._size += len(text)
        if self._size > self._max_size:
            self._faults |= Fault.TOO_BIG
            return b""
        # No piece ends inside a CR LF (see _held_back), so that counting is enough.
        breaks = raw.count(_BREAK)
        if raw.count(b"\n") != breaks:
            self._faults |= Fault.BARE_LF
        if raw.count(b"\r") != breaks:
            self._faults |= Fault.BARE_CR
        if b"\0" in raw:
            self._faults |= Fault.NUL
        return text


def _held_back(buffer: bytearray) -> int:
    """How many of the last octets may be the beginning of the final dot."""
    return next((size for size in range(len(_END) - 1, 0, -1) if buffer.endswith(_END[:size])), 0)
