"""One Correo on a machine of its own: its disk, its clock and its process may fail at any moment, and it starts again from what is left."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Callable
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from random import Random
from typing import Any, ParamSpec, TypeVar

from tests.journeys.server import DATABASE, PORTS, Server
from tests.simulation.disk import Disk
from tests.simulation.process import Process
from tests.simulation.weather import MoodyResolver, WeatherNetwork

from correo.clock import Clock
from correo.clock.system import SystemChance
from correo.clock.virtual import START
from correo.dns import Resolver
from correo.mail.instant import SECOND
from correo.ops.sweeping import sweep
from correo.storage.db import Database
from correo.storage.db.notes import Notes
from correo.storage.db.sqlite import Sqlite

P = ParamSpec("P")
T = TypeVar("T")

AFTERWARDS = 10.0  # seconds for which a trouble of a machine explains what went wrong around it


class DicedChance(SystemChance):
    """As the machine's own, ids included, but of one seed."""

    def __init__(self, seed: str) -> None:
        super().__init__()
        self.random = Random(seed)

    def secret(self, size: int) -> bytes:
        return self.random.randbytes(size)


@dataclass(slots=True)
class SetClock:
    """A clock that is set now and then."""

    true: Clock
    history: list[tuple[int, int]]  # from when on (µs, true time) it was ahead by how much

    def now(self) -> int:
        return self.true.now() + self.history[-1][1]

    def jump(self, microseconds: int) -> None:
        self.history.append((self.true.now(), self.history[-1][1] + microseconds))

    def true_times(self, told: int) -> list[int]:
        """When it can have told this time."""
        ends = [since for since, _ in self.history[1:]] + [self.true.now()]
        return [
            told - ahead
            for (since, ahead), end in zip(self.history, ends, strict=True)
            if since <= told - ahead <= end
        ]


class _LogSyncer(Executor):
    """What notes are synced by, at once; the one file that is ever synced so is the log."""

    def __init__(self, disk: Disk, log: str) -> None:
        self._sync = disk.sync
        self._log = log

    def submit(self, work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        self._sync(self._log)
        return Future()


@dataclass(frozen=True, slots=True)
class Trouble:
    """Of a machine: from when to when, in seconds on the loop's clock."""

    began: float
    ended: float

    def explains(self, at: float) -> bool:
        return self.began - AFTERWARDS <= at <= self.ended + AFTERWARDS


class Machine(Server):
    """A `Server` that can be killed, and whose disk can fail."""

    def __init__(self, *words: Any) -> None:
        super().__init__(*words)
        self.lives = 0
        self.clock: SetClock = SetClock(self.town.clock, [(0, 0)])
        self.domain = self.hostname.partition(".")[2]
        self.disk = Disk()
        self.process = Process()
        self.upset = False  # something is being done to it
        self.troubles: list[Trouble] = []
        self.lies: tuple[str, ...] = ()
        self.killed: Callable[[Machine], None] = lambda machine: None

    # -- life ------------------------------------------------------------------------------------------------------------

    async def open_database(self) -> Database:
        """Inline, but with commits that are not synced at once, as when it serves."""
        path, disk = self.folder / DATABASE, self.disk
        database = await Sqlite.open(path, now=self.clock.now(), threaded=False, vfs=disk.name)
        database._notes = Notes(str(path), database._writer, _LogSyncer(disk, f"{path}-wal"))
        return database

    async def start(self, *, working: bool = True) -> None:
        self.lives += 1
        self.chance = DicedChance(f"{self.town.seed} {self.hostname} {self.lives}")
        self.process = Process()
        self.disk.went_dark = self._power_failed
        await self.process.run(super().start(working=working))

    def work(self) -> None:
        super().work()
        self.duties = [
            asyncio.get_running_loop().create_task(sweep(self.db, self.bus, self.clock, lambda: 0)),
        ]

    async def stop(self) -> None:
        for duty in self.duties:
            duty.cancel()
        await self.process.run(super().stop())

    def _power_failed(self) -> None:
        self.process.dead = True  # from this very moment nobody hears of it
        self.killed(self)

    async def die(self, dice: Random, *, power: bool) -> None:
        """Kill the process wherever it is; `power`: and the disk forgets what was not synced."""
        began = asyncio.get_running_loop().time()
        self.running = False
        self.process.dead = self.disk.dark = True
        network = self.network
        for port in PORTS.values():
            network.unlisten(self.address, port)
        network.fell(self.process, silently=power and dice.random() < 0.5)
        await self.db.close()
        await self.process.end()
        self.disk.restore(dice if power else None, dice.choice((0.0, 0.0, 0.5, 0.9)))
        self.troubles.append(Trouble(began, asyncio.get_running_loop().time()))

    # -- what it is given ------------------------------------------------------------------------------------------------

    @property
    def network(self) -> WeatherNetwork:
        assert isinstance(self.town.network, WeatherNetwork)
        return self.town.network

    def resolver(self) -> Resolver:
        return MoodyResolver(super().resolver(), self.clock, self.network, self.lies)

    def moments(self, told: int) -> tuple[float, ...]:
        """When, in seconds on the loop's clock, its own clock can have shown this time."""
        return tuple((true - START) / SECOND for true in self.clock.true_times(told))

    # -- what went wrong -------------------------------------------------------------------------------------------------

    def explains(self, at: float) -> bool:
        """Whether it had a trouble about then."""
        return any(trouble.explains(at) for trouble in self.troubles)

    def _incident(self, fault: BaseException) -> str:
        if self.process.dead:
            return "dead"
        return super()._incident(fault)

    def incidents_told(self) -> list[str]:
        return [
            "".join(traceback.format_exception(fault)) for fault in (*self.incidents, *self.process.faults)
        ]
