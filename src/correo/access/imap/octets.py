"""Large messages that somebody is reading piece by piece, kept unpacked for a moment."""

from __future__ import annotations

from collections import OrderedDict

MOST = (
    64 * 1024 * 1024
)  # octets in all: a handful of readers of large attachments, whatever the number of sessions


# A content id, or that and the number of a part whose transfer encoding has been taken off.
Name = int | tuple[int, tuple[int, ...]]


class Octets:
    """The last messages read, by content id; content never changes. Clients fetch an attachment in hundreds of pieces."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._size = 0
        self._held: OrderedDict[Name, bytes] = OrderedDict()

    def get(self, name: Name) -> bytes | None:
        octets = self._held.get(name)
        if octets is not None:
            self._held.move_to_end(name)
        return octets

    def hold(self, name: Name, octets: bytes) -> None:
        if len(octets) > self._most or name in self._held:
            return
        self._held[name] = octets
        self._size += len(octets)
        while self._size > self._most:
            _, oldest = self._held.popitem(last=False)
            self._size -= len(oldest)
