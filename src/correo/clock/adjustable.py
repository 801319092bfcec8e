"""Time that passes as usual, and can be moved on: for a test server whose clients are real and whose days are short.

While time is moved on, the loop behaves as that of `clock.virtual`: it jumps from timer to timer, and whatever is due on the way
happens on the way. As there, work in threads is not waited for.
"""

from __future__ import annotations

import asyncio
import selectors

from correo.mail.instant import SECOND

# What came before time is moved is heard before; but clients who never pause, of which one alone would do, do not stop time.
HEEDED = 3


class _LeapingSelector(selectors.DefaultSelector):
    """Waits for sockets as long as it is told; or not at all, adding the time to the loop's clock, while somebody leaps."""

    def __init__(self) -> None:
        super().__init__()
        self.skipped = 0.0  # seconds that have passed without passing
        self.leaping = 0  # how many are moving time on
        self.resting: list[asyncio.Future[None]] = []  # who wants to know when there is nothing to do
        self._heeded = 0  # times in a row that sockets have held time up

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if not self.leaping and not self.resting:
            return super().select(timeout)
        ready = super().select(0)
        if timeout is not None and timeout <= 0:
            return ready
        if ready and self._heeded < HEEDED:
            self._heeded += 1
            return ready
        self._heeded = 0
        if self.resting:
            for future in self.resting:
                if not future.done():
                    future.set_result(None)
            self.resting.clear()
        elif timeout is None:
            return ready or super().select(None)
        else:
            self.skipped += timeout
        return ready


class AdjustableLoop(asyncio.SelectorEventLoop):
    """An asyncio loop whose clock runs with the machine's, some days ahead of it."""

    def __init__(self) -> None:
        self._leaping = _LeapingSelector()
        super().__init__(self._leaping)

    def time(self) -> float:
        return super().time() + self._leaping.skipped

    async def advance(self, seconds: float) -> None:
        """Let `seconds` pass at once; when it returns, all that was due has been done."""
        self._leaping.leaping += 1
        try:
            await asyncio.sleep(seconds)
            await self.rest()
        finally:
            self._leaping.leaping -= 1

    async def rest(self) -> None:
        """Wait until nobody has anything to do now."""
        future: asyncio.Future[None] = self.create_future()
        self._leaping.resting.append(future)
        await future


class AdjustableClock:
    """The time of day on such a loop, which began at `start`."""

    def __init__(self, loop: AdjustableLoop, start: int) -> None:
        self._loop = loop
        self._start = start - round(loop.time() * SECOND)

    def now(self) -> int:
        return self._start + round(self._loop.time() * SECOND)
