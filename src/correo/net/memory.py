"""A network in memory: addresses, listeners and streams without a socket, for tests and simulation.

It passes the same contract suite as the real one. TLS is a word on both ends: the octets stay as they are. Where an address
has a certificate, though, the handshake is a real one, so that clients judge what it shows.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable

from correo.net import WOKEN, Peer, TlsInfo, Woken
from correo.net.tls import described

WINDOW = 64 * 1024  # octets in flight before `drain` waits for the reader, as a socket buffer would

TLS = TlsInfo("TLSv1.3", "TLS_IN_MEMORY")


class MemoryStream:
    """One end of a pair; what it writes, the other end reads. `chunk` cuts what is read into pieces of that size."""

    def __init__(self, local: Peer, peer: Peer, *, chunk: int = 0) -> None:
        self.local = local
        self.peer = peer
        self.tls: TlsInfo | None = None
        self.chunk = chunk
        self.facing: ssl.SSLContext | None = None  # of a server at the other end that has a certificate
        self._other: MemoryStream | None = None
        self._inbox = bytearray()
        self._eof = False
        self._reset = False
        self._closed = False
        self._wake_pending = False
        self._reader: asyncio.Future[None] | None = None
        self._writer: asyncio.Future[None] | None = None

    @classmethod
    def pair(cls, client: Peer, server: Peer, *, chunk: int = 0) -> tuple[MemoryStream, MemoryStream]:
        """(the client's end, the server's end)"""
        near, far = cls(client, server, chunk=chunk), cls(server, client, chunk=chunk)
        near._other, far._other = far, near
        return near, far

    async def read(self, timeout: float | None) -> bytes | Woken:
        if not self._inbox and not self._eof and not self._wake_pending:
            reader = self._reader = asyncio.get_running_loop().create_future()
            try:
                async with asyncio.timeout(timeout):
                    await reader
            finally:
                self._reader = None
        if self._reset:
            raise ConnectionResetError("reset by the other side")
        if self._inbox:
            size = self.chunk or len(self._inbox)
            data = bytes(self._inbox[:size])
            del self._inbox[:size]
            if self._other:
                self._other._resume()
            return data
        if self._wake_pending:
            self._wake_pending = False
            return WOKEN
        return b""

    def write(self, data: bytes) -> None:
        if data and self._other and not self._closed and not self._other._closed:
            self._other._inbox += data
            self._other._rouse()

    async def drain(self, timeout: float | None) -> None:
        while self._other and len(self._other._inbox) > WINDOW:
            self._check()
            writer = self._writer = asyncio.get_running_loop().create_future()
            async with asyncio.timeout(timeout):
                await writer
        self._check()

    def _check(self) -> None:
        if self._reset or self._closed or (self._other and self._other._closed):
            raise ConnectionResetError("the connection is closed")

    async def start_tls(
        self, context: ssl.SSLContext, *, server_side: bool, hostname: str | None = None
    ) -> None:
        if server_side:
            self._inbox.clear()
        self.tls = _shaken(context, self.facing, hostname) if self.facing else TLS

    def wake(self) -> None:
        self._wake_pending = True
        self._rouse()

    async def close(self) -> None:
        self._closed = True
        if self._other:
            self._other._eof = True
            self._other._rouse()
            self._other._resume()
        self._rouse()

    def abort(self) -> None:
        self._closed = True
        if self._other:
            self._other._eof = self._other._reset = True
            self._other._rouse()
            self._other._resume()

    def _rouse(self) -> None:
        if self._reader and not self._reader.done():
            self._reader.set_result(None)

    def _resume(self) -> None:
        if self._writer and not self._writer.done():
            self._writer.set_result(None)


Serve = Callable[[MemoryStream], Awaitable[None]]


def _shaken(client: ssl.SSLContext, server: ssl.SSLContext, hostname: str | None) -> TlsInfo:
    """What the client knows after a handshake. Raises ssl.SSLError."""
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    near = client.wrap_bio(down, up, server_hostname=hostname)
    far = server.wrap_bio(up, down, server_side=True)
    for side in (near, far) * 3:  # TLS 1.2 takes the most turns
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            continue
    return described(near)


class MemoryNetwork:
    """Who listens where. Dialling an address without a listener is refused, dialling one in `silent` never answers.

    `certificates`, by address, are contexts of servers that show them.
    """

    def __init__(self, *, chunk: int = 0) -> None:
        self.chunk = chunk
        self.certificates: dict[str, ssl.SSLContext] = {}
        self.silent: set[str] = set()
        self._listeners: dict[tuple[str, int], Serve] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._ports = 40_000

    def listen(self, address: str, port: int, serve: Serve) -> None:
        self._listeners[address, port] = serve

    def unlisten(self, address: str, port: int) -> None:
        self._listeners.pop((address, port), None)

    def dialer(self, source: str = "192.0.2.1") -> MemoryDialer:
        return MemoryDialer(self, source)

    async def connect(self, source: str, address: str, port: int, timeout: float) -> MemoryStream:
        if address in self.silent:
            await asyncio.sleep(timeout)
            raise TimeoutError
        serve = self._listeners.get((address, port))
        if serve is None:
            raise ConnectionRefusedError(f"nobody listens on {address} port {port}")
        self._ports += 1
        near, far = MemoryStream.pair(Peer(source, self._ports), Peer(address, port), chunk=self.chunk)
        near.facing = self.certificates.get(address)
        task = asyncio.ensure_future(_serve(serve, far))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return near

    async def close(self) -> None:
        """End every connection that is still served."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


class MemoryDialer:
    def __init__(self, network: MemoryNetwork, source: str) -> None:
        self._network = network
        self._source = source

    async def connect(self, address: str, port: int, timeout: float) -> MemoryStream:
        return await self._network.connect(self._source, address, port, timeout)


async def _serve(serve: Serve, stream: MemoryStream) -> None:
    try:
        await serve(stream)
    finally:
        await stream.close()
