"""A machine on which a Correo runs in one process or several: its disk, its clock and each of them may fail at any moment, and it starts
again from what is left."""

from __future__ import annotations

import asyncio
import contextlib
import traceback
from collections.abc import Callable
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from tests.journeys.server import DATABASE, PORTS, Server
from tests.simulation.coverage import Coverage, queue_states
from tests.simulation.disk import Disk
from tests.simulation.family import Family, Held
from tests.simulation.process import Process
from tests.simulation.weather import MoodyResolver, WeatherNetwork, WeatherStream

from correo.access.pop3.locks import Locks
from correo.app.shared import HOUSE
from correo.clock import Clock
from correo.clock.system import SystemChance
from correo.clock.virtual import START
from correo.dns import Resolver
from correo.mail.errors import Refused
from correo.mail.instant import SECOND
from correo.ops.sweeping import sweep
from correo.queue.schedule import Schedule
from correo.receive.options import Limits
from correo.storage.bus.family import FamilyBus
from correo.storage.bus.local import LocalBus
from correo.storage.db import Database
from correo.storage.db.notes import Notes
from correo.storage.db.sqlite import Sqlite
from correo.transport.routes import Routes

if TYPE_CHECKING:
    from tests.journeys.town import Town

P = ParamSpec("P")
T = TypeVar("T")

AFTERWARDS = 10.0  # seconds for which a trouble of a machine explains what went wrong around it
SUCCESSION = 1.0  # seconds until another process keeps house, as `app.duties.GLANCE`
REPLACED = 0.1  # seconds until the master has another process in the place of one that died


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
    """What notes are synced by, at once; the one file that is ever synced so is the log. `failed` is told when it cannot be."""

    def __init__(self, disk: Disk, log: str, failed: Callable[[], None]) -> None:
        self._disk = disk
        self._log = log
        self._failed = failed

    def submit(self, work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        if not self._disk.dark and not self._disk.sync(self._log):
            self._failed()
        return Future()


@dataclass(frozen=True, slots=True)
class Trouble:
    """Of a machine: from when to when, in seconds on the loop's clock."""

    began: float
    ended: float

    def explains(self, at: float) -> bool:
        return self.began - AFTERWARDS <= at <= self.ended + AFTERWARDS


class Seat(Server):
    """One process of a machine: all of the server, over the database that the others have open, too."""

    def __init__(self, machine: Machine) -> None:
        super().__init__(
            machine.town, machine.folder, machine.hostname, machine.address, machine.schedule, machine.limits
        )
        self.machine = machine
        self.clock: Clock = machine.clock
        self.routes = machine.routes
        self.process = Process()
        self.mount = machine.disk.mount()
        self.held = Held(machine.holders)
        self.keeps_house = False

    # -- what it is given ------------------------------------------------------------------------------------------------

    async def open_database(self) -> Database:
        """Inline, but with commits that are not synced at once, as when it serves."""
        path, disk = self.folder / DATABASE, self.machine.disk
        now = self.clock.now()
        database = await Sqlite.open(path, now=now, threaded=False, announced=True, vfs=self.mount.name)
        doubt = database._turns.doubt
        syncer = _LogSyncer(disk, f"{path}-wal", doubt)
        database._notes = Notes(str(path), database._writer, syncer, doubt)
        self.machine.coverage.follow(database._writer, self.clock.now)
        return database

    def make_bus(self) -> LocalBus:
        family = self.machine.family
        bus = FamilyBus(lambda hear: family.share(self.process, hear))
        family.start(self.process, bus.publish_all)
        return bus

    def make_locks(self) -> Locks:
        return Locks(self.held)  # type: ignore[arg-type]  # the same words, without files

    def resolver(self) -> Resolver:
        return MoodyResolver(super().resolver(), self.clock, self.machine.network, self.machine.lies)

    # -- life ------------------------------------------------------------------------------------------------------------

    async def start(self, *, working: bool = True) -> None:
        machine = self.machine
        machine.lives += 1
        self.chance = DicedChance(f"{self.town.seed} {self.hostname} {machine.lives}")
        await self.process.run(super().start(working=False))
        self.take_house()

    def take_house(self) -> None:
        """As `app.Server`: one of them delivers what waits, and sweeps."""
        if self.running and not self.process.dead and not self.keeps_house and self.held.take(HOUSE):
            self.keeps_house = True
            self.process.call(self.work)

    def work(self) -> None:
        super().work()
        self.duty = asyncio.get_running_loop().create_task(sweep(self.db, self.bus, self.clock, lambda: 0))

    async def stop(self) -> None:
        await self.process.run(self._stop())

    async def _stop(self) -> None:
        """As `app.Server.stop`: another may keep house before what is under way here has ended."""
        self.running = False
        for port in PORTS.values():
            self.machine.network.unlisten(self.address, port)
        self.stopping.stop()
        if self.keeps_house:
            self.worker.stop()
            self.duty.cancel()
        self.held.give(HOUSE)
        if self.connections:
            await asyncio.wait(self.connections)
        if self.keeps_house:
            await self.working
        self.logins.close()
        await self.db.close()
        self._leave()

    async def die(self, *, silently: bool) -> None:
        """Wherever it is: what it has not committed comes to nothing, as its disk takes no more of it."""
        self.running = False
        self.process.dead = self.mount.cut = True
        self.machine.network.fell(self.process, silently=silently)
        await self.db.close()
        await self.process.end()
        self._leave()

    def _leave(self) -> None:
        self.held.close()
        self.machine.family.leave(self.process)

    def _incident(self, fault: BaseException) -> str:
        if self.process.dead:
            return "dead"
        return super()._incident(fault)


class Machine:
    """`size` processes over one disk and by one clock. `limits` and `routes` are those of its configuration."""

    def __init__(
        self, town: Town, folder: Path, hostname: str, address: str, schedule: Schedule, limits: Limits
    ) -> None:
        self.town = town
        self.folder = folder
        self.hostname = hostname
        self.address = address
        self.schedule = schedule
        self.limits = limits
        self.routes = Routes()
        self.size = 1
        self.lives = 0
        self.clock: SetClock = SetClock(town.clock, [(0, 0)])
        self.domain = hostname.partition(".")[2]
        self.disk = Disk(f"{town.seed} {hostname}")
        self.disk.went_dark = self._power_failed
        self.coverage = Coverage()
        self.family = Family()
        self.holders: dict[int, Held] = {}
        self.seats: list[Seat] = []
        self.gone: list[BaseException] = []  # what went wrong in processes that are no more
        self.upset = False  # something is being done to it
        self.troubles: list[Trouble] = []
        self.lies: tuple[str, ...] = ()
        self.killed: Callable[[Machine], None] = lambda machine: None

    # -- life ------------------------------------------------------------------------------------------------------------

    @property
    def alive(self) -> list[Seat]:
        return [seat for seat in self.seats if seat.running and not seat.process.dead]

    @property
    def running(self) -> bool:
        return bool(self.alive) and not self.disk.dark

    @property
    def seat(self) -> Seat:
        """That which keeps house, or any: for those who ask the machine."""
        return max(self.alive, key=lambda seat: seat.keeps_house)

    @property
    def db(self) -> Database:
        return self.seat.db

    async def start(self) -> None:
        for _ in range(self.size):
            await self.add_seat()

    async def add_seat(self) -> None:
        seat = Seat(self)
        self.seats.append(seat)
        await seat.start()

    async def stop(self) -> None:
        await asyncio.gather(*(seat.stop() for seat in self.alive))
        self._bury()

    async def stop_one(self, seat: Seat) -> None:
        """As the master does for an upgrade: another is ready before it goes."""
        await self.add_seat()
        asyncio.get_running_loop().call_later(SUCCESSION, self._succeed)
        await seat.stop()
        self._bury()

    def _power_failed(self) -> None:
        for seat in self.seats:
            seat.process.dead = True  # from this very moment nobody hears of it
        self.killed(self)

    async def die(self, dice: Random, *, power: bool) -> None:
        """Kill all processes wherever they are; `power`: and the disk forgets what was not synced."""
        began = asyncio.get_running_loop().time()
        self.disk.dark = True
        for seat in self.seats:
            seat.process.dead = True
        silently = power and dice.random() < 0.5
        for seat in self.seats:
            await seat.die(silently=silently)
        self.disk.restore(dice if power else None, dice.choice((0.0, 0.0, 0.5, 0.9)))
        self._bury()
        self.troubles.append(Trouble(began, asyncio.get_running_loop().time()))

    async def kill_one(self, seat: Seat) -> None:
        """One of its processes dies, and soon there is another in its place."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        await seat.die(silently=False)
        self._bury()
        self.family.alarm()
        loop.call_later(SUCCESSION, self._succeed)
        await asyncio.sleep(REPLACED)
        if not self.disk.dark:
            await self.add_seat()
        self.troubles.append(Trouble(began, loop.time()))

    def _succeed(self) -> None:
        for seat in self.alive:
            seat.take_house()

    def _bury(self) -> None:
        for seat in self.seats:
            if not seat.running:
                self.gone += [*seat.incidents, *seat.process.faults]
        self.seats = [seat for seat in self.seats if seat.running]

    # -- what it is given ------------------------------------------------------------------------------------------------

    @property
    def network(self) -> WeatherNetwork:
        assert isinstance(self.town.network, WeatherNetwork)
        return self.town.network

    async def dial(self, kind: str) -> WeatherStream:
        return await self.network.connect("203.0.113.1", self.address, PORTS[kind], 10.0)

    def moments(self, told: int) -> tuple[float, ...]:
        """When, in seconds on the loop's clock, its own clock can have shown this time."""
        return tuple((true - START) / SECOND for true in self.clock.true_times(told))

    # -- what went wrong -------------------------------------------------------------------------------------------------

    async def met(self, misfortune: str) -> None:
        """Note what is under way when it happens."""
        under_way = []
        with contextlib.suppress(
            Refused
        ):  # where the power is gone, what is told of the last writes is not there
            under_way += await self.seats[0].db.read(queue_states)
        under_way += ["session"] if any(seat.connections for seat in self.seats) else []
        self.network.faults[misfortune] += 1
        self.coverage.met(misfortune, under_way)

    def explains(self, at: float) -> bool:
        """Whether it had a trouble about then."""
        return any(trouble.explains(at) for trouble in self.troubles)

    def incidents_told(self) -> list[str]:
        faults = [*self.gone]
        for seat in self.seats:
            faults += [*seat.incidents, *seat.process.faults]
        return ["".join(traceback.format_exception(fault)) for fault in faults]

    def leftovers(self) -> str:
        """What its processes still hold that they should have let go of."""
        for seat in self.seats:
            if seat.budget.used or seat.connections:
                return f"{seat.budget.used} octets and {len(seat.connections)} connections"
        held = [number for number in self.holders if number != HOUSE]
        return f"the maildrops {held}" if held else ""
