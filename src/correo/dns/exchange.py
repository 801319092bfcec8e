"""One query to one server and the octets that come back: UDP, and TCP where UDP is not enough."""

from __future__ import annotations

import asyncio

from correo.dns import codec

Place = tuple[str, int]  # address and port

# Datagrams that are not our answer before an attempt is given up, and with it the port that somebody seems to be guessing.
MAX_STRAYS = 32


class _Asking(asyncio.DatagramProtocol):
    def __init__(self, query: codec.Query) -> None:
        self._query = query
        self._strays = 0
        self.reply: asyncio.Future[bytes | None] = asyncio.get_running_loop().create_future()

    def datagram_received(self, data: bytes, addr: object) -> None:
        if self._query.matches(data):
            self._settle(data)
            return
        self._strays += 1
        if self._strays >= MAX_STRAYS:
            self._settle(None)

    def error_received(self, exc: Exception) -> None:
        # The host answered that nobody listens there (ICMP): no use in waiting.
        self._settle(None)

    def connection_lost(self, exc: Exception | None) -> None:
        self._settle(None)

    def _settle(self, data: bytes | None) -> None:
        if not self.reply.done():
            self.reply.set_result(data)


async def over_udp(server: Place, query: codec.Query, wait: float) -> bytes | None:
    """A datagram that matches `query`, or None if there was none within `wait` seconds.

    Every attempt has a socket and so a port of its own that the system chose at random, connected, so that datagrams from
    elsewhere never arrive (RFC 5452 §9).
    """
    loop = asyncio.get_running_loop()
    try:
        transport, asking = await loop.create_datagram_endpoint(lambda: _Asking(query), remote_addr=server)
    except OSError:
        return None
    try:
        async with asyncio.timeout(wait):
            transport.sendto(query.wire)
            return await asking.reply
    except TimeoutError:
        return None
    finally:
        transport.close()


async def over_tcp(server: Place, query: codec.Query, wait: float) -> bytes | None:
    """The first message on a new connection (RFC 7766 §8) if it matches `query` and comes within `wait` seconds."""
    try:
        async with asyncio.timeout(wait):
            reader, writer = await asyncio.open_connection(*server)
            try:
                writer.write(len(query.wire).to_bytes(2, "big") + query.wire)
                size = int.from_bytes(await reader.readexactly(2), "big")
                data = await reader.readexactly(size)
            finally:
                writer.close()
    except (OSError, EOFError):
        return None
    return data if query.matches(data) else None
