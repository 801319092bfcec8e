"""Large messages that somebody is reading piece by piece, kept unpacked for a moment."""

from __future__ import annotations

from collections import OrderedDict

MOST = (
    64 * 1024 * 1024
)  # octets in all: a handful of readers of large attachments, whatever the number of sessions


class Octets:
    """The last messages read, by content id; content never changes. Clients fetch an attachment in hundreds of pieces."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._size = 0
        self._held: OrderedDict[int, bytes] = OrderedDict()

    def get(self, content_id: int) -> bytes | None:
        octets = self._held.get(content_id)
        if octets is not None:
            self._held.move_to_end(content_id)
        return octets

    def hold(self, content_id: int, octets: bytes) -> None:
        if len(octets) > self._most or content_id in self._held:
            return
        self._held[content_id] = octets
        self._size += len(octets)
        while self._size > self._most:
            _, oldest = self._held.popitem(last=False)
            self._size -= len(oldest)
