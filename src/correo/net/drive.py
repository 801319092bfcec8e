"""The loop that joins a stream to a session: pull events, hand them over, send the answers, read more."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass

from correo.net import WOKEN, Core, Session, Stream
from correo.net.handshakes import Failed, unheard
from correo.net.tap import UNWATCHED, Tap
from correo.net.turns import Turns
from correo.wire import NEED_DATA

WRITE_SECONDS = 120.0  # a client that takes nothing for so long is gone
HANDSHAKE_SECONDS = 60.0
HELD = 64 * 1024  # octets of answers to pipelined commands that are held back to be sent together
TURN = 50  # events of one client answered in a row before others get their turn


class Gone(Exception):
    """The connection is lost, or the client takes nothing any more: there is nobody to answer."""


def unwatched(stream: Stream, session: Session) -> Tap:
    return UNWATCHED


class Stopping:
    """Told once that the server stops; every connection that listens is woken."""

    def __init__(self) -> None:
        self.set = False
        self._streams: set[Stream] = set()

    def add(self, stream: Stream) -> None:
        self._streams.add(stream)

    def remove(self, stream: Stream) -> None:
        self._streams.discard(stream)

    def stop(self) -> None:
        self.set = True
        for stream in self._streams:
            stream.wake()


@dataclass(frozen=True, slots=True)
class Terms:
    """What `drive` is given besides stream and session."""

    tls: Callable[[], ssl.SSLContext | None]  # asked at each handshake, so that a reload takes effect
    stopping: Stopping
    incident: Callable[[BaseException], str]  # logs a fault of ours and returns the id it is logged under
    pause: float = 0.0  # seconds before the session greets: who does not wait is heard speaking then
    failed: Failed = unheard  # told of handshakes that fail
    write_seconds: float = WRITE_SECONDS
    tap: Callable[[Stream, Session], Tap] = unwatched  # through which a connection is watched
    turns: Turns | None = None  # shared with other connections; None for those who need not wait


async def drive(stream: Stream, session: Session, terms: Terms) -> None:
    """Serve one connection to its end. Raises only CancelledError."""
    tap = terms.tap(stream, session)
    terms.stopping.add(stream)
    try:
        await _converse(stream, session, terms, tap)
    except Gone:
        stream.abort()
    finally:
        terms.stopping.remove(stream)
        try:
            await session.ended()
        except Exception as fault:
            terms.incident(fault)
        tap.close()
        await stream.close()


class _Mouth:
    """What is said on one connection: answers are held until it is time to write them."""

    __slots__ = ("_core", "_seconds", "_stream", "_tap", "held")

    def __init__(self, stream: Stream, core: Core, seconds: float, tap: Tap) -> None:
        self._stream = stream
        self._core = core
        self._seconds = seconds
        self._tap = tap
        self.held: list[bytes] = []

    async def flush(self) -> None:
        """Write what is held and what the core has said since. Raises Gone."""
        output = self._core.take_output()
        if self._tap.on:
            self._tap.said(output)
        self.held.append(output)
        data = b"".join(self.held)
        self.held.clear()
        try:
            self._stream.write(data)
            await self._stream.drain(self._seconds)
        except (OSError, TimeoutError) as lost:
            raise Gone from lost


async def _converse(stream: Stream, session: Session, terms: Terms, tap: Tap) -> None:
    core = session.core
    mouth = _Mouth(stream, core, terms.write_seconds, tap)
    flush, held = mouth.flush, mouth.held
    try:
        if terms.turns:
            await terms.turns.take()
        if terms.pause:
            await _overhear(stream, session, terms)
        await session.greet()
        turn = size = 0
        while not core.closed:
            event = core.next_event()
            if event is NEED_DATA:
                await flush()
                size = 0
                if tap.on:
                    tap.settled()
                if terms.stopping.set:
                    session.shutting_down()
                if not core.closed:
                    await _read(stream, session, terms.stopping, tap)
                    if tap.on:
                        tap.settled()  # for who has begun to watch meanwhile: what is said next is a beginning
                    if terms.turns:
                        await terms.turns.take()
                continue
            if tap.on:
                tap.heard(event)
            await session.handle(event, flush)
            answer = core.take_output()
            if tap.on:
                tap.said(answer)
            held.append(answer)
            size += len(answer)
            if core.tls_wanted:
                await flush()
                await _upgrade(stream, session, terms)
                tap.tls_started(stream.tls)
            turn += 1
            if turn % TURN == 0:
                await asyncio.sleep(0)
            if size > HELD:
                await flush()
                size = 0
    except Gone:
        raise
    except Exception as fault:
        session.broken(terms.incident(fault))
    await flush()


async def _overhear(stream: Stream, session: Session, terms: Terms) -> None:
    """Wait before the greeting; what comes meanwhile is the client's first words, and the end of waiting."""
    try:
        data = await stream.read(terms.pause)
    except TimeoutError:
        return
    except OSError as lost:
        raise Gone from lost
    if data is not WOKEN:
        session.core.receive(data)


async def _read(stream: Stream, session: Session, stopping: Stopping, tap: Tap) -> None:
    try:
        data = await stream.read(session.timeout)
    except TimeoutError:
        session.timed_out()
        return
    except asyncio.CancelledError:
        if stopping.set:  # RFC 5321 §3.8: nobody is left without a word
            session.shutting_down(at_once=True)
            output = session.core.take_output()
            tap.said(output)
            stream.write(output)
        raise
    except OSError as lost:
        raise Gone from lost
    if data is WOKEN:
        await session.woken()
    else:
        session.core.receive(data)


async def _upgrade(stream: Stream, session: Session, terms: Terms) -> None:
    context = terms.tls()
    if context is None:
        raise RuntimeError("TLS was offered without a certificate")
    try:
        async with asyncio.timeout(HANDSHAKE_SECONDS):
            await stream.start_tls(context, server_side=True)
    except (OSError, TimeoutError) as lost:
        terms.failed(stream.peer.address, lost)
        raise Gone from lost
    session.core.tls_started()
    assert stream.tls is not None
    session.tls_started(stream.tls)
