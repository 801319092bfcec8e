"""One end of a TLS connection as octets: what comes from the network goes in, what goes to the network comes out; nothing waits.

OpenSSL reads and writes memory here, which never shrinks again. Whatever is given to it is given in pieces, so that a connection that once
carried a megabyte weighs little more afterwards than one that carried a line.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator

# Half of what a record may hold (RFC 8446 §5.1). Whole ones would take a sixth less processor, and 10 KiB more of every connection that
# has carried a large message, for as long as it lives.
PIECE = 8 * 1024


class TlsEnd:
    """Feed it in the order of arrival; after each call send what `take_output` has, before anything that is encrypted later."""

    __slots__ = ("_incoming", "_outgoing", "ended", "shaken", "tls")

    def __init__(self, context: ssl.SSLContext, *, server_side: bool, hostname: str | None = None) -> None:
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(
            self._incoming, self._outgoing, server_side=server_side, server_hostname=hostname
        )
        self.shaken = False  # the handshake is over
        self.ended = False  # the other side has said that nothing follows (close_notify)

    def begin(self) -> None:
        """A client speaks first. Raises ssl.SSLError."""
        self._shake()

    def feed(self, octets: bytes) -> Iterator[bytes]:
        """What they say, in pieces; what follows the end of the other side is ignored. Raises ssl.SSLError."""
        if len(octets) <= PIECE:
            return self._take(octets)
        whole = memoryview(octets)
        pieces = (whole[at : at + PIECE] for at in range(0, len(octets), PIECE))
        return (plain for piece in pieces for plain in self._take(piece))

    def _take(self, piece: bytes | memoryview) -> Iterator[bytes]:
        if self.ended:
            return
        self._incoming.write(piece)
        if not self.shaken and not self._shake():
            return
        tls, incoming = self.tls, self._incoming
        try:
            # Of a record no more can come than was fed, unless a part of it came before: then `pending` tells.
            while size := tls.pending() or incoming.pending:
                if not (plain := tls.read(size)):
                    self.ended = True
                    return
                yield plain
        except ssl.SSLWantReadError:
            return
        except ssl.SSLZeroReturnError:  # what the end is called once we have ended as well
            self.ended = True

    def _shake(self) -> bool:
        try:
            self.tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        self.shaken = True
        return True

    def encrypt(self, octets: bytes | memoryview) -> bytes:
        """At most PIECE octets, after the handshake. Raises ssl.SSLWantReadError where something must be fed first, ssl.SSLError."""
        self.tls.write(octets)
        return self._outgoing.read()

    def part(self) -> None:
        """Say that nothing follows (RFC 8446 §6.1)."""
        if self.shaken:
            try:
                self.tls.unwrap()
            except ssl.SSLError:
                return  # the other side has not said so yet, which is not waited for

    def take_output(self) -> bytes:
        """Of the handshake, alerts, the end."""
        return self._outgoing.read() if self._outgoing.pending else b""
