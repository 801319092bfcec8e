"""Turns: however many clients speak at once, only so many are answered before all others of the process get theirs.

A thousand mail servers that begin to speak in the same moment would otherwise all be answered before the event loop looks at the one
person who reads his mail. Who must wait goes in the order in which he came, and nothing is refused: the work is the same.
"""

from __future__ import annotations

import asyncio
from collections import deque

MOST = 16  # in one round of the event loop: some 3 ms of work


class Turns:
    """For the connections of one event loop that share them. `most` may pass in one round of it."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._left = most
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._counting = False

    async def take(self) -> None:
        """Returns when it is the caller's turn, most often at once."""
        loop = asyncio.get_running_loop()
        if not self._counting:
            self._counting = True
            loop.call_soon(self._next_round, loop)
        if self._left and not self._waiting:
            self._left -= 1
            return
        turn = loop.create_future()
        self._waiting.append(turn)
        await turn

    def _next_round(self, loop: asyncio.AbstractEventLoop) -> None:
        self._left = self._most
        while self._left and self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():  # else who waited has been cancelled
                turn.set_result(None)
                self._left -= 1
        self._counting = bool(self._waiting)
        if self._counting:
            loop.call_soon(self._next_round, loop)
