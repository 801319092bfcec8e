"""How fast mail goes down each lane: how many deliveries at once, how often, and when the lane rests.

A lane is what shares connections: a domain, or a relay. How many at once follows what its server says: one more for each round
that goes well, half as many after a round that does not. A lane whose server cannot be reached at all rests as a whole, for a
time that grows, and then one delivery tries for all.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from correo.clock import Chance
from correo.mail.instant import HOUR, MINUTE
from correo.mail.outcome import Deferred, Delivered, Failed, Outcome
from correo.queue.schedule import JITTER

START = 5  # at once in a lane that is new: nobody takes so many for an attack, and most lanes never need more
CUT = 0.5  # of the number at once that is left after a round that was refused
LEAST = 1.0
MOST_RESTS = 20  # counted; long before, they have their full length
MAX_REST = HOUR  # however long it has been down: what is queued must notice within reason that it is back
FIRST_REST = MINUTE
GROWTH = 2  # times the last rest; but never longer than messages pause after as many attempts
MAX_LANES = 10_000  # remembered; about 1 KB each


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one lane."""

    concurrency: int  # deliveries at once, at most
    rate: int = 0  # deliveries begun in a minute; 0 is any number


@dataclass(frozen=True, slots=True)
class Part:
    """What one of several workers may use of limits that are for all of them."""

    workers: int = 1
    claims: bool = True  # it is the one that claims what is due; the others send what their processes accept

    def of(self, limits: Limits) -> Limits:
        """All parts add up to `limits`. What cannot be divided, as a rate, is for who claims: concurrency 0 for the others."""
        share = 0 if limits.rate else limits.concurrency // self.workers
        return replace(
            limits, concurrency=limits.concurrency - (self.workers - 1) * share if self.claims else share
        )


WHOLE = Part()


@dataclass(frozen=True, slots=True)
class Rest:
    """Nothing is tried before `until`, because of `trouble`, but for what somebody wants tried again."""

    began: int
    until: int
    trouble: Deferred


class Lane:
    """What is known of one lane. Times are of the clock, µs."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.allowed = float(min(START, limits.concurrency))  # at once; grows by fractions
        self.running = 0
        self.users = 0  # running or waiting for a place
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._cut_at = 0
        self._rests = 0  # one after the other, until somebody gets through
        self._rest: Rest | None = None
        self._next = 0.0  # of the loop's time: when the next delivery may begin

    @property
    def at_once(self) -> int:
        return int(self.allowed)

    def rest(self, now: int) -> Rest | None:
        """The rest it has now."""
        rest = self._rest
        # More than the longest rest left: the clock was set back, and nobody knows how old this is.
        return rest if rest and 0 < rest.until - now <= MAX_REST * (1 + JITTER) else None

    def is_usual(self, now: float) -> bool:
        """Whether forgetting it forgets nothing."""
        return (
            not self.users
            and not self._rests
            and self._next <= now
            and self.allowed >= min(START, self.limits.concurrency)
        )

    # -- places --------------------------------------------------------------------------------------------------------

    async def enter(self) -> None:
        if self.running < self.at_once and not self._waiting:
            self.running += 1
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.leave()
            raise

    def leave(self) -> None:
        self.running -= 1
        self._admit()

    async def begin(self) -> None:
        """Wait until the rate lets another delivery begin."""
        if not self.limits.rate:
            return
        now = asyncio.get_running_loop().time()
        at = max(now, self._next)
        self._next = at + 60.0 / self.limits.rate
        await asyncio.sleep(at - now)

    def _admit(self) -> None:
        while self._waiting and self.running < self.at_once:
            turn = self._waiting.popleft()
            if not turn.done():
                self.running += 1
                turn.set_result(None)

    # -- what became of deliveries -------------------------------------------------------------------------------------

    def learn(
        self,
        outcomes: Sequence[Outcome],
        began: int,
        now: int,
        chance: Chance,
        retry: Sequence[int] = (MAX_REST,),
    ) -> Rest | None:
        """From a delivery that is still `running`; the rest that begins with it. `retry`: the pauses of messages, as in Schedule."""
        if trouble := _unreachable(outcomes):
            if self.running == 1:
                return self._go_to_rest(trouble, now, chance, retry)
            self._slow_down(began, now)  # others get through, or will say so themselves
        elif any(isinstance(outcome, Delivered | Failed) and outcome.host for outcome in outcomes):
            self._wake_up()
            self.allowed = min(float(self.limits.concurrency), self.allowed + 1 / self.allowed)
        elif outcomes and all(isinstance(outcome, Deferred) for outcome in outcomes):
            self._wake_up()
            self._slow_down(began, now)
        return None

    def _slow_down(self, began: int, now: int) -> None:
        """Once for all that were begun at the same time: they are one round, and it is one refusal."""
        if began >= self._cut_at:
            self.allowed = max(LEAST, self.allowed * CUT)
            self._cut_at = now

    def _go_to_rest(self, trouble: Deferred, now: int, chance: Chance, retry: Sequence[int]) -> Rest:
        self.allowed = LEAST
        if current := self.rest(now):  # somebody wanted it tried nevertheless: that makes it no longer
            until = current.until
        else:
            pause = min(MAX_REST, FIRST_REST * GROWTH**self._rests, retry[min(self._rests, len(retry) - 1)])
            until = now + round(pause * (1 + chance.random.uniform(-JITTER, JITTER)))
            self._rests = min(self._rests + 1, MOST_RESTS)
        self._rest = Rest(now, until, trouble)
        return self._rest

    def _wake_up(self) -> None:
        self._rests = 0
        self._rest = None


class Lanes:
    """Deliveries of all lanes: at most `total` at once."""

    def __init__(self, total: int) -> None:
        self._total = asyncio.Semaphore(total)
        self._lanes: dict[str, Lane] = {}  # that which was used last at the end

    def lane(self, name: str, limits: Limits) -> Lane:
        """What is known of it; `limits` are taken where nothing is."""
        lane = self._lanes.pop(name, None) or Lane(limits)
        self._lanes[name] = lane
        if len(self._lanes) > MAX_LANES:
            self._forget()
        return lane

    def known(self, name: str) -> Lane | None:
        return self._lanes.get(name)

    @asynccontextmanager
    async def slot(self, lane: Lane) -> AsyncIterator[None]:
        """A place for one delivery; who waits for one does so in order."""
        lane.users += 1
        try:
            await lane.enter()
            try:
                # First the lane: who waits for a slow destination must not hold a place that others could use.
                await lane.begin()
                async with self._total:
                    yield
            finally:
                lane.leave()
        finally:
            lane.users -= 1

    def _forget(self) -> None:
        """Make room for a tenth: first what is as usual, then what was used longest ago."""
        now = asyncio.get_running_loop().time()
        idle = [name for name, lane in self._lanes.items() if not lane.users]
        idle.sort(key=lambda name: not self._lanes[name].is_usual(now))
        for name in idle[: MAX_LANES // 10]:
            del self._lanes[name]


def _unreachable(outcomes: Sequence[Outcome]) -> Deferred | None:
    """The trouble of the whole destination, where that is what it was."""
    if outcomes and all(isinstance(outcome, Deferred) and outcome.unreachable for outcome in outcomes):
        last = outcomes[-1]
        return last if isinstance(last, Deferred) else None
    return None
