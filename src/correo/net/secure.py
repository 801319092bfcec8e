"""TLS between a transport and the protocol above it: to each of them it looks like the other.

The event loops have the same, which weighs three times as much for each connection (docs/performance.md).
"""

from __future__ import annotations

import asyncio
import contextlib
import copy
import ssl
from collections import deque
from typing import Any, cast

from correo.net.tls_end import PIECE, TlsEnd

BATCH = 16  # records that are encrypted ahead of what the transport has said of them
# Octets of answers that nobody asked us for (alerts, for example) that may wait for somebody who takes nothing: what he
# sends would otherwise make us hold ever more.
MAX_UNTAKEN = 256 * 1024


class SecureTransport(asyncio.Protocol):
    """`shake` waits for the handshake; octets that are written before are sent after it."""

    __slots__ = (
        "_above",
        "_congested",
        "_end",
        "_failure",
        "_full",
        "_heard_all",
        "_parting",
        "_paused",
        "_server_side",
        "_shaking",
        "_transport",
        "_unsent",
    )

    def __init__(
        self,
        above: asyncio.Protocol,
        context: ssl.SSLContext,
        *,
        server_side: bool,
        hostname: str | None = None,
    ) -> None:
        self._above: asyncio.Protocol | None = above  # None when the connection is gone
        self._end = TlsEnd(context, server_side=server_side, hostname=hostname)
        self._server_side = server_side
        self._transport: asyncio.Transport | None = None
        self._shaking: asyncio.Future[None] | None = None
        self._failure: Exception | None = None
        self._unsent: deque[memoryview] | None = None  # not encrypted yet
        self._congested = False  # the transport has more than it likes
        self._full = False  # and the protocol above was told
        self._paused = False  # the protocol above wants to hear no more for now
        self._parting = False  # the protocol above has closed
        self._heard_all = False  # the other side has ended

    # -- called by the transport -------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Of a connection that carries TLS from its first octet on."""
        self._transport = cast(asyncio.Transport, transport)
        if self._above:
            self._above.connection_made(cast(asyncio.Transport, self))
        self._begin()

    def take_over(self, transport: asyncio.Transport, *, congested: bool) -> None:
        """A connection that has carried clear text; `congested`, the transport had said of it."""
        self._transport = transport
        self._congested = self._full = congested
        transport.set_protocol(self)
        self._begin()

    def _begin(self) -> None:
        if not self._server_side:
            try:
                self._end.begin()
            except ssl.SSLError as failure:
                self._fail(failure)
            self._answer()

    def data_received(self, data: bytes) -> None:
        if self._above is None or self._failure or self._heard_all:
            return
        shaken = self._end.shaken
        try:
            for plain in self._end.feed(data):
                if not self._parting:
                    self._above.data_received(plain)
        except ssl.SSLError as failure:
            self._fail(failure)
            return
        self._answer()
        if not shaken and self._end.shaken:
            self._settle()
        if self._unsent:
            self._send()
        if self._end.ended:
            self._hear_end()

    def eof_received(self) -> bool:
        """An end without goodbye is an end: too many leave so. It may be somebody in between who has cut the rest off, but commands end with
        a line, messages with a dot or a count, and answers by HTTP say their length, if their server cares.
        """
        if not self._end.shaken:
            self._fail(ConnectionResetError("the connection ended in the TLS handshake"))
        elif not self._heard_all:
            self._hear_end()
        return not self._parting and self._failure is None

    def _hear_end(self) -> None:
        self._heard_all = True
        if self._parting and not self._unsent and self._transport:
            self._transport.close()
        elif self._above:
            self._above.eof_received()

    def pause_writing(self) -> None:
        self._congested = True
        self._tell()

    def resume_writing(self) -> None:
        self._congested = False
        self._send()

    def connection_lost(self, error: Exception | None) -> None:
        above, self._above = self._above, None  # which holds us
        self._unsent = None
        self._keep(error)
        self._settle()
        if above:
            above.connection_lost(self._failure)

    # -- called by the protocol above --------------------------------------------------------------------------------

    async def shake(self, seconds: float) -> Any:
        """The ssl.SSLObject after the handshake. Raises OSError (ssl.SSLError is one), TimeoutError."""
        try:
            if not self._end.shaken and self._failure is None and self._above:
                self._shaking = asyncio.get_running_loop().create_future()
                async with asyncio.timeout(seconds):
                    await self._shaking
        except BaseException:
            self.abort()
            raise
        if self._failure:
            raise copy.copy(self._failure)  # which would hold this frame, that holds us, that hold it
        if not self._end.shaken:
            raise ConnectionResetError("the connection was lost in the TLS handshake")
        return self._end.tls

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return default if self._transport is None else self._transport.get_extra_info(name, default)

    def write(self, data: bytes) -> None:
        if self._unsent is None:
            if len(data) <= PIECE and self._end.shaken and not self._congested and not self._failure:
                self._write_at_once(data)
                return
            self._unsent = deque()
        self._unsent.append(memoryview(data))
        self._send()

    def _write_at_once(self, data: bytes) -> None:
        try:
            record = self._end.encrypt(data)
        except ssl.SSLWantReadError:
            self._unsent = deque([memoryview(data)])
            self._tell()
        except ssl.SSLError as failure:
            self._fail(failure)
        else:
            if self._transport:
                self._transport.write(record)

    def pause_reading(self) -> None:
        self._paused = True
        if self._transport:
            self._transport.pause_reading()

    def resume_reading(self) -> None:
        self._paused = False
        if self._transport:
            self._transport.resume_reading()

    def is_closing(self) -> bool:
        return self._parting or self._transport is None or self._transport.is_closing()

    def close(self) -> None:
        """Send what is written and the goodbye, then wait for that of the other side: who waits for us bounds the time."""
        if not self._parting:
            self._parting = True
            if self._paused:
                self.resume_reading()  # to hear the end; and where a socket closes unread, the system may drop what it has still to send
            if not self._unsent:
                self._part()

    def can_write_eof(self) -> bool:
        return False  # `close` says it, and listens on

    def abort(self) -> None:
        if self._transport:
            self._transport.abort()

    # -- both ways ---------------------------------------------------------------------------------------------------

    def _send(self) -> None:
        """Encrypt what the transport takes, and no more of it than that."""
        if self._end.shaken and not self._failure:
            try:
                while self._unsent and not self._congested and self._transport:
                    self._transport.writelines(self._batch(self._unsent))
            except ssl.SSLWantReadError:
                pass  # something is to be heard first
            except ssl.SSLError as failure:
                self._fail(failure)
        if not self._unsent:
            self._unsent = None
            if self._parting:
                self._part()
        self._tell()

    def _batch(self, unsent: deque[memoryview]) -> list[bytes]:
        records: list[bytes] = []
        while unsent and len(records) < BATCH:
            first = unsent[0]
            try:
                records.append(self._end.encrypt(first[:PIECE]))
            except ssl.SSLWantReadError:
                if not records:
                    raise
                break
            if len(first) > PIECE:
                unsent[0] = first[PIECE:]
            else:
                unsent.popleft()
        return records

    def _tell(self) -> None:
        full = self._congested or bool(self._unsent)
        if full != self._full and self._above:
            self._full = full
            if full:
                self._above.pause_writing()
            else:
                self._above.resume_writing()

    def _answer(self) -> None:
        """What TLS itself has to say."""
        if (output := self._end.take_output()) and self._transport and not self._transport.is_closing():
            if self._congested and self._transport.get_write_buffer_size() > MAX_UNTAKEN:
                self._transport.abort()
                return
            self._transport.write(output)

    def _part(self) -> None:
        """The socket stays open until the other side has ended as well: some lose what they have not read yet when it ends with the goodbye."""
        if self._transport is None or self._transport.is_closing():
            return
        self._end.part()
        self._answer()
        if self._heard_all or self._failure or not self._end.shaken:
            self._transport.close()

    def _fail(self, failure: Exception) -> None:
        """The other side is told by an alert, if TLS has one for it."""
        self._keep(failure)
        self._unsent = None
        self._answer()
        self._settle()
        if self._transport:
            self._transport.close()

    def _settle(self) -> None:
        if self._shaking:
            with contextlib.suppress(asyncio.InvalidStateError):
                self._shaking.set_result(None)

    def _keep(self, failure: Exception | None) -> None:
        """The first one, without the frames that it came through: they hold us, and strangers could make many such rings."""
        if failure is not None and self._failure is None:
            self._failure = failure.with_traceback(None)
