"""A zone on a socket: an authoritative server for demonstrations and tests, meant for loopback."""

from __future__ import annotations

import asyncio
from typing import cast

from correo.dns import Status, codec
from correo.dns.codec import Rcode
from correo.dns.zone import Trouble, Zone

MAX_CONNECTIONS = 64  # at once over TCP: each holds a socket, and clients of a demonstration are few
TCP_IDLE = 10.0  # seconds a connection may say nothing, RFC 7766 §6.2.3
MAX_MESSAGE = 65535  # octets over TCP: the length before a message has two octets
_BIND_TRIES = 20  # a port that is free for UDP may be taken for TCP; another one is soon found

_RCODES = {Trouble.FAILING: Rcode.SERVFAIL, Trouble.OUTSIDE: Rcode.REFUSED}


def respond(zone: Zone, data: bytes, *, stream: bool) -> bytes | None:
    """The answer to one message, or None to what deserves none. Never raises."""
    try:
        request = codec.read_request(data)
    except codec.Malformed:
        return codec.write_refusal(data)
    limit = MAX_MESSAGE if stream else request.limit
    found = Trouble.OUTSIDE if request.foreign else zone.find(request.name, request.rdtype)
    if isinstance(found, Trouble):
        return codec.write_response(request, _RCODES[found], limit=limit)
    rcode = Rcode.NXDOMAIN if found.status is Status.NO_SUCH_DOMAIN else Rcode.NOERROR
    authority = [found.soa] if found.soa else []
    return codec.write_response(request, rcode, found.lines, authority, authentic=zone.authentic, limit=limit)


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, zone: Zone) -> None:
        self._zone = zone
        self._transport: asyncio.DatagramTransport | None = None
        self.closed = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed.set()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        answer = respond(self._zone, data, stream=False)
        if answer is not None and self._transport is not None:
            self._transport.sendto(answer, addr)


class DnsServer:
    def __init__(self, zone: Zone, *, idle: float = TCP_IDLE) -> None:
        self._zone = zone
        self._idle = idle
        self._udp: tuple[asyncio.DatagramTransport, _Datagrams] | None = None
        self._tcp: asyncio.Server | None = None
        self._connections: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> int:
        """Answers over UDP and TCP on one port, which is returned; 0 takes a free one. Raises OSError."""
        for tries_left in reversed(range(_BIND_TRIES)):
            try:
                return await self._bind(host, port)
            except OSError:
                if port or not tries_left:
                    raise
        raise AssertionError("the last try returns or raises")

    async def _bind(self, host: str, port: int) -> int:
        loop = asyncio.get_running_loop()
        udp, datagrams = await loop.create_datagram_endpoint(
            lambda: _Datagrams(self._zone), local_addr=(host, port)
        )
        bound = int(udp.get_extra_info("sockname")[1])
        try:
            self._tcp = await asyncio.start_server(self._serve, host, bound)
        except OSError:
            udp.close()
            raise
        self._udp = udp, datagrams
        return bound

    async def close(self) -> None:
        """Stops listening and ends all connections. May be called twice."""
        if self._udp is not None:
            transport, datagrams = self._udp
            transport.close()
            await datagrams.closed.wait()
        if self._tcp is not None:
            self._tcp.close()
        for writer in self._connections.values():
            writer.transport.abort()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = cast("asyncio.Task[None]", asyncio.current_task())
        if len(self._connections) >= MAX_CONNECTIONS:
            writer.close()
            return
        self._connections[task] = writer
        try:
            while True:
                await self._serve_one(reader, writer)
        except (OSError, EOFError):
            pass  # the client left, or said nothing for too long: both are how connections end
        finally:
            del self._connections[task]
            writer.close()

    async def _serve_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Raises OSError (TimeoutError is one) or EOFError at the end."""
        async with asyncio.timeout(self._idle):
            size = int.from_bytes(await reader.readexactly(2), "big")
            answer = respond(self._zone, await reader.readexactly(size), stream=True)
            if answer is None:
                raise EOFError
            writer.write(len(answer).to_bytes(2, "big") + answer)
            await writer.drain()
