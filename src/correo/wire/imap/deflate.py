"""COMPRESS=DEFLATE (RFC 4978): raw deflate in both directions, and never more of it unpacked than is asked for."""

from __future__ import annotations

import zlib

# 64 KB of memory for each connection, where zlib's own choice is 256 KB: IMAP repeats itself within a few lines.
WINDOW_BITS = 13
MEMORY_LEVEL = 6
LEVEL = 3  # answers at a quarter of their size; 6 takes twice as long for a tenth less
# What a client packs with is its own choice; whatever it is, this unpacks it (RFC 4978 §4).
LARGEST_WINDOW = 15


class Damaged(Exception):
    """What came is no deflate."""


class Packer:
    """Octets to be sent."""

    def __init__(self) -> None:
        self._deflate = zlib.compressobj(LEVEL, zlib.DEFLATED, -WINDOW_BITS, MEMORY_LEVEL)

    def pack(self, octets: bytes) -> bytes:
        """Everything up to the last octet can be read by the client from what has been returned by now."""
        if not octets:
            return b""
        return self._deflate.compress(octets) + self._deflate.flush(zlib.Z_SYNC_FLUSH)


class Unpacker:
    """Octets that came: kept as they are until somebody wants to read on."""

    def __init__(self) -> None:
        self._inflate = zlib.decompressobj(-LARGEST_WINDOW)
        self._waiting = b""
        self._more = False  # zlib may have octets in store although it was given all that came

    def feed(self, octets: bytes) -> None:
        self._waiting += octets
        self._more = True

    @property
    def waiting(self) -> int:
        """Octets, still packed."""
        return len(self._waiting)

    def take(self, most: int) -> bytes:
        """At most `most` octets; b"" when more has to be fed. Raises Damaged."""
        while self._more and not self._inflate.eof:
            try:
                octets = self._inflate.decompress(self._waiting, most)
            except zlib.error as error:
                raise Damaged from error
            self._waiting = self._inflate.unconsumed_tail
            self._more = bool(self._waiting) or len(octets) == most
            if octets:
                return octets
        if self._inflate.eof:
            raise Damaged  # nobody may end the compression but with the connection
        return b""
