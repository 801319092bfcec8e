"""Streams of asyncio: one future for whoever waits, no tasks, no locks."""

from __future__ import annotations

import asyncio
import math
import os
import socket
import ssl
import struct
from dataclasses import replace
from typing import Any, cast

from correo.net import WOKEN, Peer, TlsInfo, Woken
from correo.net.alarms import Alarms, Own, Slot
from correo.net.secure import SecureTransport
from correo.net.tls import described

READ_AHEAD = (
    256 * 1024
)  # octets a client may send ahead of what we have read before we stop reading its socket
_UCRED = struct.Struct("3i")  # pid, uid, gid (unix(7))
CLOSE_SECONDS = 5.0  # how long a closing connection may take to send the rest
# Octets that are taken from who still speaks when we end: as much as a system keeps of what is to be sent.
MAX_UNHEARD = 4 * 1024 * 1024
HANDSHAKE_SECONDS = 60.0  # for those who set no limit of their own
TICK = 0.001  # seconds: how exact the timers of loops are


class SocketStream(asyncio.Protocol):
    """A `Stream` over an asyncio transport; also the protocol object that the transport feeds."""

    def __init__(self, alarms: Alarms | None = None) -> None:
        """`alarms`: shared with other connections; None for timers of its own."""
        self.peer = self.local = Peer("", 0)
        self.tls: TlsInfo | None = None
        self._transport: asyncio.Transport | None = None
        self._loop = asyncio.get_running_loop()
        self._received: list[bytes] = []
        self._held = 0
        self._eof = False
        self._error: Exception | None = None
        self._wake_pending = False
        self._paused_reading = False
        self._reader: asyncio.Future[None] | None = None
        self._deadline = math.inf  # of the loop's time, for who reads
        self._alarms = alarms
        self._alarm: Slot | Own | None = None  # rings at the deadline or before
        self._alarm_at = math.inf
        self._writable: asyncio.Future[None] | None = None
        self._congested = False
        self._gone = False
        self._leaving: asyncio.Future[None] | None = None  # for who waits until it has gone
        self._parting = False  # we have ended, and wait for the other side
        self._unheard = 0  # octets it has sent since

    # -- called by the transport -------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's transports do not derive from it
        self.peer = peer_of(self._transport.get_extra_info("peername"))
        self.local = peer_of(self._transport.get_extra_info("sockname"))
        if self.peer.address == "unix":
            self.peer = replace(self.peer, uid=uid_of(self._transport))

    def data_received(self, data: bytes) -> None:
        if self._parting:
            self._drop(len(data))
            return
        self._received.append(data)
        self._held += len(data)
        if self._held > READ_AHEAD and not self._paused_reading and self._transport:
            self._paused_reading = True
            self._transport.pause_reading()
        self._rouse()

    def eof_received(self) -> bool:
        self._eof = True
        self._rouse()
        return not self._parting  # it may still be written to

    def pause_writing(self) -> None:
        self._congested = True

    def resume_writing(self) -> None:
        self._congested = False
        if self._writable and not self._writable.done():
            self._writable.set_result(None)

    def connection_lost(self, error: Exception | None) -> None:
        self._eof = True
        # Its frames hold us.
        self._error = error.with_traceback(None) if error else None
        if self._alarm:
            self._alarm.forget(self)
        self._gone = True
        self._rouse()
        self.resume_writing()
        if self._leaving and not self._leaving.done():
            self._leaving.set_result(None)

    # -- called by the session's task --------------------------------------------------------------------------------

    async def read(self, timeout: float | None) -> bytes | Woken:
        if not self._received and not self._eof and not self._wake_pending:
            await self._wait(timeout)
        if self._received:
            data = self._received[0] if len(self._received) == 1 else b"".join(self._received)
            self._received.clear()
            self._held = 0
            if self._paused_reading and self._transport:
                self._paused_reading = False
                self._transport.resume_reading()
            return data
        if self._wake_pending:
            self._wake_pending = False
            return WOKEN
        if self._error:
            raise ConnectionError(str(self._error)) from self._error
        return b""

    async def _wait(self, timeout: float | None) -> None:
        reader = self._reader = self._loop.create_future()
        if timeout is not None:
            self._deadline = self._loop.time() + timeout
            if self._deadline < self._alarm_at:
                self._set_alarm()
        try:
            await reader
        finally:
            self._reader = None
            self._deadline = math.inf

    def write(self, data: bytes) -> None:
        if data and self._transport and not self._transport.is_closing():
            self._transport.write(data)

    async def drain(self, timeout: float | None) -> None:
        if self._error:
            raise ConnectionError(str(self._error)) from self._error
        if self._gone:
            raise ConnectionResetError("the connection is closed")
        if self._congested:
            self._writable = self._loop.create_future()
            async with asyncio.timeout(timeout):
                await self._writable
            if self._gone:
                raise ConnectionResetError("the connection is closed")

    async def start_tls(
        self, context: ssl.SSLContext, *, server_side: bool, hostname: str | None = None
    ) -> None:
        if self._transport is None or self._eof:  # who has ended cannot shake hands, and will not end again
            raise ConnectionResetError("the connection is closed")
        secure = SecureTransport(self, context, server_side=server_side, hostname=hostname)
        plain, self._transport = self._transport, cast(asyncio.Transport, secure)
        self._received.clear()  # whatever came in clear text must not be taken for what comes under TLS
        self._held = 0
        secure.take_over(plain, congested=self._congested)
        if self._paused_reading:
            self._paused_reading = False
            secure.resume_reading()
        await self.shaken(secure, HANDSHAKE_SECONDS)

    async def shaken(self, secure: SecureTransport, seconds: float) -> None:
        """Wait for the handshake of the transport that we are above of. Raises OSError, TimeoutError."""
        self.tls = described(await secure.shake(seconds))

    def wake(self) -> None:
        self._wake_pending = True
        self._rouse()

    async def close(self) -> None:
        if self._transport is None:
            return
        self._part(self._transport)
        if not self._gone:
            self._leaving = self._leaving or self._loop.create_future()
            done, _ = await asyncio.wait([self._leaving], timeout=CLOSE_SECONDS)
            if not done:
                self._transport.abort()

    def abort(self) -> None:
        if self._transport:
            self._transport.abort()

    def _part(self, transport: asyncio.Transport) -> None:
        """A socket that is closed while there is something to read is reset, and the system drops what it has still to send: the last reply.

        Who has sent so much that we have stopped reading is heard out, within bounds. Of the others nothing is waited for: where
        more is on its way, the reply has gone before the reset.
        """
        if not self._paused_reading or transport.is_closing() or not transport.can_write_eof():
            transport.close()
            return
        self._parting, self._paused_reading = True, False
        self._received.clear()
        try:
            transport.write_eof()
            transport.resume_reading()
        except OSError:  # there is nobody any more
            transport.close()

    def _drop(self, size: int) -> None:
        self._unheard += size
        if self._unheard > MAX_UNHEARD and self._transport:
            self._transport.abort()

    def _rouse(self) -> None:
        if self._reader and not self._reader.done():
            self._reader.set_result(None)

    def _set_alarm(self) -> None:
        if self._alarm:
            self._alarm.forget(self)
        self._alarm_at = self._deadline
        if self._alarms is not None:
            self._alarm = self._alarms.set(self._deadline, self)
        else:
            self._alarm = Own(self._loop, self._deadline, self)

    def ring(self) -> None:
        """One alarm serves many reads, since to set and cancel it for each costs more than the reading does."""
        self._alarm, self._alarm_at = None, math.inf
        if self._deadline <= self._loop.time() + TICK:
            if self._reader and not self._reader.done():
                self._reader.set_exception(TimeoutError())
        elif self._deadline < math.inf:
            self._set_alarm()


def peer_of(name: Any) -> Peer:
    if isinstance(name, tuple) and len(name) >= 2:
        address = str(name[0]).partition("%")[0]
        return Peer(address.removeprefix("::ffff:") if "." in address else address, int(name[1]))
    return Peer("unix", 0)


def uid_of(transport: asyncio.Transport) -> int:
    """Whose process connected to a local socket; -1 where the system does not tell."""
    if not hasattr(socket, "SO_PEERCRED"):
        return -1
    try:
        # A copy of the descriptor, because the sockets that transports give out cannot be asked on every loop.
        with socket.socket(fileno=os.dup(transport.get_extra_info("socket").fileno())) as sock:
            octets = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size)
    except OSError:
        return -1
    _, uid, _ = _UCRED.unpack(octets)
    # Those of another namespace of users come as the overflow uid, which is nobody's.
    return int(uid)


class SocketDialer:
    """Dials by TCP, or a socket of this machine by its path; `source` is the local address to dial from, "" for the system's choice."""

    def __init__(self, source: str = "") -> None:
        self._source = source

    async def connect(self, address: str, port: int, timeout: float) -> SocketStream:
        local = (self._source, 0) if self._source and (":" in self._source) == (":" in address) else None
        async with asyncio.timeout(timeout):
            loop = asyncio.get_running_loop()
            if address.startswith("/"):
                _, stream = await loop.create_unix_connection(SocketStream, address)
                return stream
            _, stream = await loop.create_connection(SocketStream, address, port, local_addr=local)
        return stream
