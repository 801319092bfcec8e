"""Connections kept for the next message, hosts known to be silent, and the memory that deliveries take."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from correo.clock import Clock
from correo.mail.instant import SECOND
from correo.transport.connection import Connection, Trouble
from correo.transport.hops import Hop

MAX_IDLE = 200  # connections kept open in all; the oldest make room
MAX_SILENT = 5_000  # hosts remembered as silent
SMALL = 64  # a message is small up to this part of the room
SMALL_PART = 4  # of the room that part is for small ones alone


@dataclass(slots=True)
class _Idle:
    lane: str
    connection: Connection
    expiry: asyncio.TimerHandle


class Pool:
    """Connections nobody uses, by lane, for `idle` seconds and at most `max_messages` messages each."""

    def __init__(self, *, idle: float, max_messages: int) -> None:
        self._idle = idle
        self._max_messages = max_messages
        self._kept: dict[int, _Idle] = {}  # by the identity of the connection, oldest first
        self._closing: set[asyncio.Task[None]] = set()

    async def take(self, lane: str) -> Connection | None:
        """A connection that is still alive, the one used last first: it is the surest."""
        for key in [key for key, kept in reversed(self._kept.items()) if kept.lane == lane]:
            kept = self._kept.pop(key, None)
            if kept is None:
                continue
            kept.expiry.cancel()
            if await kept.connection.alive():
                return kept.connection
            kept.connection.abort()
        return None

    def put(self, lane: str, connection: Connection) -> None:
        """Keep it, or close it in the background where it is of no more use."""
        if (
            not connection.usable
            or connection.spent
            or connection.messages >= self._max_messages
            or not self._idle
        ):
            self._close(connection)
            return
        while len(self._kept) >= MAX_IDLE:
            oldest = self._kept.pop(next(iter(self._kept)))
            oldest.expiry.cancel()
            self._close(oldest.connection)
        key = id(connection)
        expiry = asyncio.get_running_loop().call_later(self._idle, self._expire, key)
        self._kept[key] = _Idle(lane, connection, expiry)

    async def close(self) -> None:
        """Those that nobody uses. It is not the end: another worker may go on with the same pool."""
        for kept in self._kept.values():
            kept.expiry.cancel()
            self._close(kept.connection)
        self._kept.clear()
        await asyncio.gather(*self._closing, return_exceptions=True)

    def _expire(self, key: int) -> None:
        kept = self._kept.pop(key, None)
        if kept:
            self._close(kept.connection)

    def _close(self, connection: Connection) -> None:
        task = asyncio.get_running_loop().create_task(connection.close())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)


class Silent:
    """Hosts that did not answer a moment ago. Each attempt costs half a minute, and a queue may hold thousands for one host."""

    def __init__(self, clock: Clock, seconds: float) -> None:
        self._clock = clock
        self._span = round(seconds * SECOND)
        self._until: dict[tuple[str, int], tuple[int, Trouble]] = {}

    def note(self, hop: Hop, trouble: Trouble) -> None:
        if not trouble.timed_out:
            return
        key = hop.address, hop.port
        self._until.pop(key, None)
        if len(self._until) >= MAX_SILENT:
            del self._until[next(iter(self._until))]
        self._until[key] = self._clock.now() + self._span, trouble

    def known(self, hop: Hop) -> Trouble | None:
        """The trouble of a moment ago."""
        key = hop.address, hop.port
        until, trouble = self._until.get(key, (0, None))
        # More than the span left: the clock was set back, and nobody knows how old this is.
        if trouble is not None and not 0 < until - self._clock.now() <= self._span:
            del self._until[key]
            return None
        return trouble


@dataclass(slots=True, eq=False)
class _Line:
    """Who waits in order, for a part of the room."""

    most: int
    used: int = 0
    waiting: deque[tuple[int, asyncio.Future[None]]] = field(default_factory=deque)

    def first(self) -> int | None:
        """The octets of who is next."""
        while self.waiting and self.waiting[0][1].cancelled():
            self.waiting.popleft()
        return self.waiting[0][0] if self.waiting else None


class Room:
    """At most `octets` of messages in memory at once.

    Large ones have three quarters of it at most, so that a few, at servers that stop reading, do not keep all the small ones waiting.
    Small ones have all that nobody large is waiting for. Within each kind who does not fit waits in order, and what is larger than its
    part fits alone.
    """

    def __init__(self, octets: int) -> None:
        self._free = octets
        self._large = _Line(octets - octets // SMALL_PART)
        self._small = _Line(octets)
        self._reserved = octets // SMALL_PART  # for small ones, whoever waits
        self._limit = octets // SMALL  # up to here a message is one

    @asynccontextmanager
    async def hold(self, octets: int) -> AsyncIterator[None]:
        line = self._small if octets <= self._limit else self._large
        octets = min(octets, line.most)
        turn = asyncio.get_running_loop().create_future()
        line.waiting.append((octets, turn))
        self._admit()
        try:
            await turn
            yield
        finally:
            if not turn.cancelled():
                self._free += octets
                line.used -= octets
            self._admit()

    def _admit(self) -> None:
        large, small = self._large, self._small
        while (octets := large.first()) is not None and octets <= min(self._free, large.most - large.used):
            self._let_in(large)
        while (octets := small.first()) is not None:
            # What is there for all goes to who is large and waits, or small ones could keep him out for ever.
            most = self._reserved if large.waiting else small.most
            if octets > min(self._free, most - small.used):
                return
            self._let_in(small)

    def _let_in(self, line: _Line) -> None:
        octets, turn = line.waiting.popleft()
        self._free -= octets
        line.used += octets
        turn.set_result(None)
