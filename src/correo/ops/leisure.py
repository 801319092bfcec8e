"""When work that nobody waits for may be done: no more of the time than others leave."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

GLANCE = 0.005  # seconds: the least rest, in which it shows whether others have much to do
LATE = 0.002  # seconds by which that rest is too long: others had the processor
TAKEN = (
    0.3  # of a processor that the process took in it: others are at work, and perhaps on the machine as well
)
LONGEST = 0.3  # seconds that count as work: where nothing was to be done for an hour, that hour was none
BUSY = 20  # times as long as the work took: then it takes a twentieth of the time of others


def unmeasured() -> float:
    """Nobody knows what the process has taken."""
    return 0.0


class Leisure:
    """Rests as long as it worked, and much longer while others in this process have much to do or the event loop has no time."""

    def __init__(
        self,
        time: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
        taken: Callable[[], float] = unmeasured,
    ) -> None:
        """As `loop.time` and `asyncio.sleep`, in seconds; `taken`: seconds of processor that this process has taken so far."""
        self._time = time
        self._sleep = sleep
        self._taken = taken
        self._began = time()

    async def rest(self) -> None:
        """To be awaited after each portion of work."""
        ended = self._time()
        worked = min(max(0.0, ended - self._began), LONGEST)
        rest = max(GLANCE, worked)
        taken = self._taken()
        await self._sleep(rest)
        rested = self._time() - ended
        if rested - rest > LATE or self._taken() - taken > TAKEN * rested:
            await self._sleep(worked * BUSY)
        self._began = self._time()
