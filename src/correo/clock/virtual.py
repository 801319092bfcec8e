"""Time that a test turns: an event loop that jumps to the next timer when nobody has anything to do.

Only the loop's own timers move the clock, so five days of retries take milliseconds and always happen in the same order.
Work in threads is not waited for: use a database without a writer thread (`storage.db.sqlite`, `threaded=False`).
"""

from __future__ import annotations

import asyncio
import selectors
from random import Random
from typing import Any

START = 1_767_225_600 * 1_000_000  # 2026-01-01T00:00:00Z, an arbitrary but round beginning


class _JumpingSelector(selectors.DefaultSelector):
    """Polls sockets without waiting and adds the time it was asked to wait to the loop's clock."""

    def __init__(self) -> None:
        super().__init__()
        self.elapsed = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is not None and len(self.get_map()) == 1:
            self.elapsed += timeout
            return []  # the loop's own pipe, which only ends a wait
        ready = super().select(0)
        if ready or timeout == 0:
            return ready
        if timeout is None:
            # Nothing is scheduled: only a socket or another thread can wake us, so wait for real.
            return super().select(None)
        self.elapsed += timeout
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """An asyncio loop on virtual time; `time()` starts at 0."""

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.elapsed


class VirtualClock:
    """The time of day on a virtual loop (or, without one, a clock moved by hand)."""

    def __init__(self, loop: VirtualLoop | None = None, start: int = START) -> None:
        self._loop = loop
        self._start = start

    def now(self) -> int:
        return self._start + (round(self._loop.time() * 1_000_000) if self._loop else 0)

    def advance(self, microseconds: int) -> None:
        self._start += microseconds


class SeededChance:
    """Chance from one seed: the same seed gives the same ids, secrets and choices."""

    def __init__(self, seed: int = 0) -> None:
        self.random = Random(seed)
        self._last = 0

    def id(self, now: int) -> int:
        self._last = max(self._last + 1, now // 1000 << 10)
        return self._last

    def secret(self, size: int) -> bytes:
        return self.random.randbytes(size)


def run(main: Any) -> Any:
    """`asyncio.run` on a virtual loop."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)
