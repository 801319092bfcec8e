"""The octets of one connection: lines, and exact counts. (The text of an SMTP message: `wire.smtp.data`.)"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Overlong:
    """A line passed its limit; what had come of it was dropped, and so will be the rest of it."""

    size: int


class LineBuffer:
    """Takes octets in any pieces and gives lines; remembers how far it looked, so that dribbled input stays linear."""

    __slots__ = ("_data", "_looked", "_skipping", "limit")

    def __init__(self, limit: int) -> None:
        self.limit = limit  # octets in a line, its end included
        self._data = bytearray()
        self._looked = 0
        self._skipping = 0

    def __len__(self) -> int:
        return len(self._data)

    def feed(self, data: bytes) -> None:
        self._data += data

    def clear(self) -> None:
        self._data.clear()
        self._looked = self._skipping = 0

    def line(self) -> bytes | Overlong | None:
        """The next line without its end (LF, or CR LF), or None while there is none.

        A lone LF ends a command line, as every server allows; inside DATA it does not (`wire.smtp.data`).
        """
        data = self._data
        end = data.find(b"\n", self._looked)
        if end < 0:
            if self._skipping or len(data) > self.limit:
                self._skipping += len(data)
                data.clear()
            self._looked = len(data)
            return None
        size = end + 1
        self._looked = 0
        if self._skipping or size > self.limit:
            size += self._skipping
            self._skipping = 0
            del data[: end + 1]
            return Overlong(size)
        line = bytes(data[: end - 1] if end and data[end - 1] == 13 else data[:end])
        del data[: end + 1]
        return line

    def take(self, most: int) -> bytes:
        """Up to `most` octets, whatever they are."""
        self._looked = 0
        taken = bytes(self._data[:most])
        del self._data[:most]
        return taken

    def peek(self) -> bytes:
        """All that waits, left where it is."""
        return bytes(self._data)
