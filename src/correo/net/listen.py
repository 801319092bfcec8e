"""Listening: sockets bound early (perhaps by systemd, perhaps as root), served later, drained at the end."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import ssl
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from typing import Any

import structlog

from correo.net import Peer, Stream
from correo.net.alarms import Alarms
from correo.net.descriptors import Descriptors
from correo.net.drive import HANDSHAKE_SECONDS
from correo.net.handshakes import Failed, unheard
from correo.net.limits import ConnectionLimits
from correo.net.networks import NOBODY, Networks
from correo.net.secure import SecureTransport
from correo.net.stream import SocketStream, peer_of
from correo.wire.proxy import Malformed, Own, ProxyReader, Relayed

BACKLOG = 1024
FIRST_PASSED_DESCRIPTOR = 3  # sd_listen_fds(3)
ACCEPT_PAUSE = (
    0.1  # seconds after a failed accept, most likely for want of descriptors: others may end meanwhile
)

PROXY_SECONDS = 10.0  # a balancer says for whom it connects before it knows anything of what the client says

Serve = Callable[[Stream], Awaitable[None]]

log = structlog.get_logger("net")


def bind(address: str, *, for_everybody: bool = False, shared: bool = False) -> socket.socket:
    """A listening socket for `host:port`, `[v6]:port` or `unix:/path`; port 0 takes any free one. Raises OSError, ValueError.

    `for_everybody`: all users of this machine may connect to the path, whose folder is made where it is missing. `shared`: further
    sockets of ours may be bound to the same port, and the system spreads connections over them.
    """
    if address.startswith("unix:"):
        path = address.removeprefix("unix:")
        if for_everybody:
            _make_folder(os.path.dirname(path))
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        sock.bind(path)
        if for_everybody:
            os.chmod(path, 0o666)
    else:
        host, port = split_host_port(address)
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        sock = socket.socket(family, socket.SOCK_STREAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6:
            # "[::]:25" serves IPv4 too, as operators expect of one line; an address of its own serves only itself.
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0 if host == "::" else 1)
        try:
            sock.bind((host, port))
        except BaseException:
            sock.close()
            raise
    sock.listen(BACKLOG)
    sock.setblocking(False)
    return sock


def _make_folder(path: str) -> None:
    """As of /run, which is empty after each start of the machine. Raises OSError."""
    with contextlib.suppress(FileExistsError):
        os.mkdir(path)
        os.chmod(path, 0o755)  # whatever the umask was


def address_of(sock: socket.socket) -> str:
    """Where it listens, as `bind` would be told."""
    name = sock.getsockname()
    if isinstance(name, str):
        return f"unix:{name}"
    return f"[{name[0]}]:{name[1]}" if ":" in name[0] else f"{name[0]}:{name[1]}"


def split_host_port(text: str) -> tuple[str, int]:
    """`host:port` or `[v6]:port`. Raises ValueError that says what would be right."""
    host, colon, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not colon or not port.isdigit() or int(port) > 65535:
        raise ValueError(f"{text!r} is not an address; write host:port, as in 127.0.0.1:2525 or [::]:25")
    return host or "0.0.0.0", int(port)


def passed_sockets() -> list[socket.socket]:
    """The sockets systemd opened for this process (LISTEN_FDS), in its order."""
    if os.environ.get("LISTEN_PID") != str(os.getpid()):
        return []
    count = int(os.environ.get("LISTEN_FDS", "0"))
    return [socket.socket(fileno=FIRST_PASSED_DESCRIPTOR + number) for number in range(count)]


class Listener:
    """Accepts on one socket and runs `serve` for each connection."""

    def __init__(
        self,
        sock: socket.socket,
        serve: Serve,
        limits: ConnectionLimits,
        busy: bytes,
        tls: Callable[[], ssl.SSLContext | None] | None,
        proxies: Networks = NOBODY,
        failed: Failed = unheard,
        descriptors: Descriptors | None = None,
    ) -> None:
        self.sock = sock
        self._serve = serve
        self._limits = limits
        self._busy = busy  # what a client hears when there are too many
        self._tls = tls  # implicit TLS: asked at each handshake
        self._proxies = proxies  # balancers, which say for whom they connect; nobody else is asked
        self._failed = failed  # told of handshakes that fail
        self._descriptors = descriptors or Descriptors()  # of all listeners of this process
        self._server: asyncio.Server | None = None
        self._acceptor: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._ended = self._tasks.discard  # made once: each connection keeps it
        self._alarms: Alarms | None = None

    @property
    def address(self) -> str:
        return address_of(self.sock)

    @property
    def connections(self) -> int:
        return len(self._tasks)

    async def start(self) -> None:
        loop = asyncio.get_running_loop()
        self._alarms = Alarms(loop)
        # As to paths: from Python 3.13 on a server of the loop removes them when it ends, though others still listen there.
        if self._tls is not None or self._proxies or self.sock.family == socket.AF_UNIX:
            self._acceptor = loop.create_task(self._accept_by_hand())
        else:
            make = partial(_Accepted, self._arrived, self._alarms)
            self._server = await loop.create_server(make, sock=self.sock, backlog=BACKLOG)

    def _arrived(self, stream: SocketStream) -> None:
        self._begin(self._connection(stream))

    def _begin(self, connection: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(connection)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    async def _connection(self, stream: SocketStream) -> None:
        address = stream.peer.address
        if not self._enter(address):
            stream.write(self._busy)
            await stream.close()
            return
        try:
            await self._serve(stream)
        finally:
            self._leave(address)
            stream.abort()

    def _enter(self, address: str) -> bool:
        """Whether one more from `address` may come in; if so it counts until `_leave`."""
        if not self._descriptors.take():
            return False
        if not self._limits.enter(address):
            self._descriptors.give()
            return False
        return True

    def _leave(self, address: str) -> None:
        self._limits.leave(address)
        self._descriptors.give()

    async def _accept_by_hand(self) -> None:
        """Where something comes before the session: a balancer's word, the handshake, the question who it is on a local socket."""
        loop = asyncio.get_running_loop()
        while True:
            try:
                sock, name = await loop.sock_accept(self.sock)
            except OSError:
                await asyncio.sleep(ACCEPT_PAUSE)
                continue
            self._begin(self._accept(sock, peer_of(name)))

    async def _accept(self, sock: socket.socket, peer: Peer) -> None:
        try:
            origin = await _said_origin(sock) if peer.address in self._proxies else Own()
        except BaseException:
            sock.close()
            raise
        if isinstance(origin, Malformed):
            log.warning("no PROXY header", address=peer.address, reason=origin.reason)
            sock.close()
        elif self._tls is None:
            try:
                stream = await _stream_of(sock, origin, self._alarms)
            except OSError:
                sock.close()  # the client has gone
                return
            await self._connection(stream)
        else:
            client = origin.source[0] if isinstance(origin, Relayed) else peer.address
            await self._handshake(sock, client, self._tls(), origin)

    async def _handshake(
        self, sock: socket.socket, address: str, context: ssl.SSLContext | None, origin: Relayed | Own
    ) -> None:
        if context is None or not self._enter(address):
            sock.close()
            return
        try:
            try:
                stream = await _stream_of(sock, origin, self._alarms, context)
            except (OSError, TimeoutError) as failure:
                self._failed(address, failure)
                return
            try:
                await self._serve(stream)
            finally:
                stream.abort()
        except (OSError, TimeoutError):
            pass  # the client has gone
        finally:
            self._leave(address)

    def stop_accepting(self) -> None:
        if self._server:
            self._server.close()
        if self._acceptor:
            self._acceptor.cancel()
            self._acceptor.add_done_callback(lambda _: self.sock.close())

    async def drain(self, seconds: float) -> int:
        """Wait for the connections to end, then end them; how many had to be."""
        if not self._tasks:
            return 0
        _, left = await asyncio.wait(self._tasks, timeout=seconds)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        return len(left)


async def _said_origin(sock: socket.socket) -> Relayed | Own | Malformed:
    """What a balancer says in front of everything else; not an octet more is read."""
    loop, reader = asyncio.get_running_loop(), ProxyReader()
    try:
        async with asyncio.timeout(PROXY_SECONDS):
            while reader.origin is None:
                reader.feed(await loop.sock_recv(sock, reader.wanted))
    except (OSError, TimeoutError):
        return Malformed("it did not come")
    return reader.origin


async def _stream_of(
    sock: socket.socket,
    origin: Relayed | Own,
    alarms: Alarms | None,
    context: ssl.SSLContext | None = None,
) -> SocketStream:
    """After the handshake, where there is a `context`. Raises OSError, TimeoutError."""
    stream = SocketStream(alarms)
    loop = asyncio.get_running_loop()
    if context is None:
        await loop.connect_accepted_socket(lambda: stream, sock)
    else:
        # Between the socket and the stream from the first octet on, so that none of the handshake can come too early.
        secure = SecureTransport(stream, context, server_side=True)
        await loop.connect_accepted_socket(lambda: secure, sock)
        await stream.shaken(secure, HANDSHAKE_SECONDS)
    _tell(stream, origin)
    return stream


def _tell(stream: SocketStream, origin: Relayed | Own) -> None:
    if isinstance(origin, Relayed):
        stream.peer, stream.local = Peer(*origin.source), Peer(*origin.destination)


class _Accepted(SocketStream):
    """A stream that says when it is there."""

    def __init__(self, begin: Callable[[SocketStream], None], alarms: Alarms) -> None:
        super().__init__(alarms)
        self._begin = begin

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._begin(self)
