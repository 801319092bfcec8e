"""What becomes of the workers when something happens. Knows neither processes nor clocks: it is told, and says what to do."""

from __future__ import annotations

import signal
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

HEALTHY = 10.0  # seconds that a worker has to serve for its place to be as good as new
MOST_FAILURES = 5  # of workers of one place, one after the other, before the service ends
FIRST_PAUSE, LONGEST_PAUSE = (
    0.1,
    5.0,
)  # seconds before the second of them is replaced, twice as many before each that follows
STARTING = 60.0  # seconds from birth to being ready; a schema is brought up to date meanwhile
LEAVING = 15.0  # seconds beyond what connections get to end

EX_UNAVAILABLE = 69  # sysexits(3)
FINE = (0, -signal.SIGTERM)  # how a worker ends that was told to, the latter before it could hear it


class Stage(Enum):
    STARTING = "starting"
    READY = "ready"
    LEAVING = "leaving"


@dataclass(slots=True)
class Worker:
    seat: int
    place: int
    stage: Stage
    until: float | None  # it must not stay in this stage for longer
    ready: float = 0.0  # since when


@dataclass(slots=True)
class Place:
    failures: int = 0  # one after the other
    due: float | None = None  # when somebody is to be put there


@dataclass(frozen=True, slots=True)
class Start:
    place: int
    seat: int


@dataclass(frozen=True, slots=True)
class End:
    """Tell it to end; at once, where it would not."""

    seat: int
    at_once: bool = False


@dataclass(frozen=True, slots=True)
class Serving:
    """All places are filled, for the first time."""


@dataclass(frozen=True, slots=True)
class Note:
    """For the log."""

    level: str
    event: str
    facts: dict[str, Any]


Act = Start | End | Serving | Note


@dataclass(slots=True)
class Supervisor:
    """Call what happened, then do all of `take`, then come again at `due` with `wake`. Times are seconds of any clock."""

    places: int
    seats: int
    drain: float  # seconds that connections get to end
    code: int | None = None  # the exit status, once nobody is there any more and nobody will be
    _workers: dict[int, Worker] = field(default_factory=dict)  # by seat
    _filled: list[Place] = field(default_factory=list)
    _serving: bool = False
    _ending: int | None = None  # the exit status to come
    _renewing: list[int] = field(
        default_factory=list
    )  # places whose worker is to be replaced, the current one first
    _acts: list[Act] = field(default_factory=list)

    # -- what happened -----------------------------------------------------------------------------------------------

    def begin(self, now: float) -> None:
        """The first worker makes what the others need, so he comes alone."""
        self._filled = [Place() for _ in range(self.places)]
        self._start(0, now)

    def ready(self, seat: int, now: float) -> None:
        worker = self._workers.get(seat)
        if worker is None or worker.stage is not Stage.STARTING:
            return
        worker.stage, worker.until, worker.ready = Stage.READY, None, now
        if self._renewing and self._renewing[0] == worker.place:
            for other in self._at(worker.place):
                if other is not worker:
                    self._leave(other, now)
            self._renewing.pop(0)
            self._renew_next(now)
        if not self._serving:
            for place in range(self.places):
                if not self._at(place) and self._filled[place].due is None:
                    self._start(place, now)
            if all(one.stage is Stage.READY for one in self._workers.values()):
                self._serving = True
                self._acts.append(Serving())

    def ended(self, seat: int, code: int, now: float) -> None:
        """`code` as of `Popen`: below zero is a signal."""
        worker = self._workers.pop(seat)
        if worker.stage is not Stage.LEAVING:
            self._mourn(worker, code, now)
        elif code not in FINE:
            self._note("warning", "a worker did not end as it was told", worker=worker.place + 1, code=code)
            self._ending = self._ending if self._ending is None else self._ending or EX_UNAVAILABLE
        if self._ending is not None and not self._workers:
            self.code = self._ending

    def stop(self, now: float, code: int = 0) -> None:
        if self._ending is not None:
            return
        self._ending = code
        self._renewing.clear()
        for place in self._filled:
            place.due = None
        for worker in self._workers.values():
            self._leave(worker, now)
        if not self._workers:
            self.code = code

    def renew(self, now: float) -> None:
        """Put a new worker in each place, one after the other; the old one goes when the new one is ready."""
        if not self._serving or self._renewing or self._ending is not None:
            self._note("warning", "workers are being replaced already, or did not begin to serve")
            return
        self._renewing = list(range(self.places))
        self._renew_next(now)

    def wake(self, now: float) -> None:
        for number, place in enumerate(self._filled):
            if place.due is not None and place.due <= now:
                place.due = None
                wanted = 2 if self._renewing[:1] == [number] else 1
                if len(self._at(number)) < wanted:
                    self._start(number, now)
        for worker in self._workers.values():
            if worker.until is not None and worker.until <= now:
                worker.until = None
                self._note("error", "a worker is killed", worker=worker.place + 1, stage=worker.stage.value)
                self._acts.append(End(worker.seat, at_once=True))

    # -- what to do --------------------------------------------------------------------------------------------------

    def take(self) -> list[Act]:
        acts, self._acts = self._acts, []
        return acts

    @property
    def due(self) -> float | None:
        """When to `wake` it."""
        times = [place.due for place in self._filled] + [worker.until for worker in self._workers.values()]
        return min((time for time in times if time is not None), default=None)

    @property
    def stopping(self) -> bool:
        return self._ending is not None

    @property
    def serving(self) -> list[int]:
        """The seats of those who are ready."""
        return [worker.seat for worker in self._workers.values() if worker.stage is Stage.READY]

    # ------------------------------------------------------------------------------------------------------------------

    def _at(self, place: int) -> list[Worker]:
        """Who is in the place, or about to be."""
        return [
            worker
            for worker in self._workers.values()
            if worker.place == place and worker.stage is not Stage.LEAVING
        ]

    def _start(self, place: int, now: float) -> None:
        seat = next((seat for seat in range(self.seats) if seat not in self._workers), None)
        if seat is None:  # those who leave take their time
            self._filled[place].due = now + LONGEST_PAUSE
            return
        self._workers[seat] = Worker(seat, place, Stage.STARTING, now + STARTING)
        self._acts.append(Start(place, seat))

    def _leave(self, worker: Worker, now: float) -> None:
        if worker.stage is not Stage.LEAVING:
            worker.stage, worker.until = Stage.LEAVING, now + self.drain + LEAVING
            self._acts.append(End(worker.seat))

    def _mourn(self, worker: Worker, code: int, now: float) -> None:
        """A worker ended that was not told to."""
        place = self._filled[worker.place]
        facts = {"worker": worker.place + 1, "code": code}
        if self._ending is not None:
            return
        if self._renewing and self._renewing[0] == worker.place and worker.stage is Stage.STARTING:
            self._note("error", "the new worker did not come up, those who are there stay", **facts)
            self._renewing.clear()
            if self._at(worker.place):
                return
        if not self._serving and worker.stage is Stage.STARTING:
            self.stop(now, code if code > 0 else EX_UNAVAILABLE)
            return
        lived = now - worker.ready if worker.stage is Stage.READY else 0.0
        place.failures = 1 if lived >= HEALTHY else place.failures + 1
        if place.failures > MOST_FAILURES:
            self._note("error", "workers end as soon as they come, so the service ends", **facts)
            self.stop(now, code if code > 0 else EX_UNAVAILABLE)
            return
        self._note("error", "a worker ended and is replaced", **facts)
        pause = 0.0 if place.failures == 1 else FIRST_PAUSE * 2.0 ** (place.failures - 2)
        place.due = now + min(pause, LONGEST_PAUSE)

    def _renew_next(self, now: float) -> None:
        if self._renewing:
            self._start(self._renewing[0], now)
        else:
            self._note("info", "all workers are replaced")

    def _note(self, level: str, event: str, **facts: Any) -> None:
        self._acts.append(Note(level, event, facts))
