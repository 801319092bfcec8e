"""INPROGRESS (RFC 9585): while a command takes long, the client is told that it is being carried out, and where it is known how far.

It is told between responses, so that clients, and what stands between them and us, do not take the silence for a lost connection.
FETCH and all that answers as it goes along says so by its answers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from correo.clock import Clock
from correo.mail.instant import SECOND
from correo.net import Flush
from correo.wire.imap import encode

T = TypeVar("T")

MANY = 1_000  # messages; what touches more must not hold up the event loop
EVERY = 10 * SECOND  # RFC 9585 §4: more often would be noise, and no client gives up so soon
_UNKNOWN = "NIL NIL"  # neither how far it is nor how far it goes


class Progress:
    """Of the one command that is being carried out. `send` takes octets that `flush` sends."""

    def __init__(self, clock: Clock, send: Callable[[bytes], None]) -> None:
        self._clock = clock
        self._send = send
        self._flush: Flush | None = None
        self._tag = ""
        self._told = 0
        self._before = self._goal = 0

    def begin(self, tag: str, flush: Flush) -> None:
        self._tag, self._flush, self._told = tag, flush, self._clock.now()
        self._before = self._goal = 0

    def end(self) -> None:
        self._flush = None

    def expect(self, goal: int) -> None:
        """The command has several parts, with so many messages in all; `at` and `passed` are of the part at hand."""
        self._goal = goal

    def passed(self, count: int) -> None:
        """A part of so many messages is done."""
        self._before += count

    async def at(self, done: int, goal: int) -> None:
        """So many messages of so many have been dealt with, fewer than all. To be called often: most of the time it does nothing."""
        if self._due:
            goal = max(self._goal or goal, 1)
            await self._tell(f"{min(self._before + done, goal - 1)} {goal}")

    async def through(self, work: Awaitable[T]) -> T:
        """The result of what nobody can look into while it is being done. Where this is called off, so is the work."""
        task = asyncio.ensure_future(work)
        try:
            while not (await asyncio.wait({task}, timeout=EVERY / SECOND))[0]:
                if self._due:
                    await self._tell(_UNKNOWN)
        except BaseException:
            task.cancel()
            await asyncio.wait({task})
            raise
        return task.result()

    @property
    def _due(self) -> bool:
        return self._flush is not None and self._clock.now() - self._told >= EVERY

    async def _tell(self, state: str) -> None:
        assert self._flush is not None
        self._told = self._clock.now()
        # A tag may hold what ends a response code; then there is no naming it.
        tag = "NIL" if "]" in self._tag else f'"{self._tag}"'
        details = f" ({tag} {state})" if (tag, state) != ("NIL", _UNKNOWN) else ""
        self._send(encode.ok(encode.UNTAGGED, "Still at it", "INPROGRESS" + details))
        await self._flush()
