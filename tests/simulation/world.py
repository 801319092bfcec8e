"""A small world of mail, and all that befalls it, from one seed.

Several complete servers, their DNS, servers of others and people with programs, in one process, on virtual time. Things happen in bursts, so
that they meet; between them the laws are examined. In the end everything is put right, time goes by, and it is judged.
"""

from __future__ import annotations

import asyncio
import shutil
from collections import Counter
from collections.abc import Callable, Coroutine
from contextvars import copy_context
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from tests.journeys.server import template
from tests.journeys.town import Town
from tests.simulation.books import Books, Broken, Person
from tests.simulation.laws import Court
from tests.simulation.machine import Machine
from tests.simulation.misfortunes import Misfortunes
from tests.simulation.neighbours import DEAD, MOODS, MOODY, NEAR, OUTSIDE, WELL, Neighbour
from tests.simulation.people import read_by_imap, read_by_pop3, submit
from tests.simulation.weather import Weather, WeatherNetwork

from correo.mail.instant import HOUR, MINUTE, SECOND
from correo.queue import Selection
from correo.queue.schedule import Schedule
from correo.receive.options import Limits

USERS = ("ann", "bob", "eve", "dan", "fay")
SCHEDULE = Schedule(retry=(5 * MINUTE, 20 * MINUTE, HOUR, 2 * HOUR), lifetime=6 * HOUR, warn_after=2 * HOUR)
SETTLED = 18 * HOUR / SECOND  # six for what waits, six for its notice, and six for clocks that were set back
LOOK = 1200.0  # seconds between looks for new notices, before they could be swept away


PARTING = 5.0  # seconds in which connections to a server that has stopped are over
BURST = 6  # deeds at once, on average
LETTERS_A_DEED = (
    1.25 * 1.25
)  # letters for each `World.send`, with those from elsewhere, and some connections that bring two
HOURS, SERVERS, LETTERS = 10.0, 3, 120  # what the tests do with each seed
EXAMINATIONS = 10  # of everything, in one run, besides those after each crash


@dataclass(frozen=True, slots=True)
class Plan:
    seed: int
    hours: float = HOURS
    servers: int = SERVERS
    letters: int = LETTERS  # about

    @property
    def command(self) -> str:
        return f"make simulate SEED={self.seed} HOURS={self.hours:g} SERVERS={self.servers} LETTERS={self.letters}"


@dataclass(slots=True)
class Outcome:
    plan: Plan
    letters: Counter[str] = field(default_factory=Counter)
    people: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    ends: Counter[str] = field(default_factory=Counter)  # of recipients, over all servers
    seconds: float = 0.0  # simulated
    checks: int = 0
    digest: str = ""  # of every octet that went over the network, and when


class World:
    def __init__(self, folder: Path, plan: Plan) -> None:
        self.plan = plan
        self.dice = Random(f"world {plan.seed}")
        self.town = Town(folder, seed=plan.seed)
        self.network = self.town.network = WeatherNetwork(Random(f"weather {plan.seed}"))
        self.books = Books()
        self.machines: dict[str, Machine] = {}
        self.aliases = self.books.aliases
        self.court = Court(self.books, self.network, self.machines)
        self.neighbours = self.court.neighbours
        self.outside = copy_context()
        self.deeds: set[asyncio.Task[None]] = set()
        self.found: list[BaseException] = []
        self.outcome = Outcome(plan)
        misfortunes = self.misfortunes = Misfortunes(self.dice, self.town, self.network, self.court)
        # For each letter about so many of everything else.
        self.chances: dict[Callable[[], Coroutine[Any, Any, None]], float] = {
            self.send: 1.0,
            self.receive: 0.25,
            self.pop3: 0.2,
            self.imap: 0.4,
            misfortunes.meddle: 0.03,
            misfortunes.kill: 0.01,
            misfortunes.cut_power: 0.02,
            misfortunes.stop: 0.003,
            misfortunes.trouble_disk: 0.008,
            misfortunes.set_clock: 0.003,
            misfortunes.silence: 0.005,
            misfortunes.spoil_dns: 0.005,
        }

    # -- from beginning to end ---------------------------------------------------------------------------------------------

    async def run(self) -> Outcome:
        """Raises Broken."""
        try:
            await self._build()
            looking = asyncio.ensure_future(self._look())
            await self._live()
            await self._heal()
            looking.cancel()
            await self._judge()
        finally:
            self._sum_up()
            await self._end()
        return self.outcome

    async def _build(self) -> None:
        plan = self.plan
        domains = [f"{name}.example" for name in "abcdefgh"[: plan.servers]]
        for domain in domains:
            machine = self.machines[domain] = await self._machine(domain)
            for user in USERS:
                address = f"{user}@{domain}"
                self.books.people[address] = Person(address, machine, qresync=user != "bob")
        for domain, other in zip(domains, [*domains[1:], domains[0]], strict=True):
            team = f"team@{domain}"
            self.aliases[team] = (f"ann@{domain}", f"bob@{other}", f"eve@{other}")
            await self.machines[domain].alias(team, *self.aliases[team])
            away = f"away@{domain}"
            self.aliases[away] = (f"gone@{MOODY}",)
            await self.machines[domain].alias(away, *self.aliases[away])
        for domain, moods in ((NEAR, WELL), (MOODY, MOODS)):
            self.neighbours[domain] = Neighbour(Random(f"{domain} {plan.seed}"), moods, self.books.learn)
            address = self.town.address()
            self.town.publish(domain, f"mx.{domain}", address)
            self.network.listen(address, 25, self.neighbours[domain].serve)
        self.town.publish(DEAD, f"mx.{DEAD}", self.town.address())
        for machine in self.machines.values():
            machine.lies = tuple(other.address for other in self.machines.values() if other is not machine)
        self.everybody = [*self.books.people, *self.aliases]
        self.nobodies = [f"nobody@{domain}" for domain in domains]
        self.strangers = [f"one@{MOODY}", f"two@{MOODY}", f"three@{DEAD}", *OUTSIDE]

    async def _machine(self, domain: str) -> Machine:
        hostname = f"mx.{domain}"
        folder = self.town.folder / hostname
        shutil.copytree(await template(), folder)
        machine = Machine(self.town, folder, hostname, self.town.address(), SCHEDULE, Limits())
        self.town.publish(domain, hostname, machine.address)
        machine.killed = lambda machine: self._begin(self.misfortunes.after_power(machine))
        self.network.weather = Weather.fine()
        await machine.start()
        await machine.people(*(f"{user}@{domain}" for user in USERS), domain=domain)
        self.network.weather = Weather()
        return machine

    async def _live(self) -> None:
        """Bursts of deeds, as many letters as planned."""
        bursts = max(1, round(self.plan.letters * sum(self.chances.values()) / LETTERS_A_DEED / BURST))
        deeds, weights = list(self.chances), list(self.chances.values())
        for burst in range(bursts):
            await asyncio.sleep(self.dice.expovariate(bursts / (self.plan.hours * 3600)))
            for _ in range(self.dice.randint(1, 2 * BURST - 1)):
                (deed,) = self.dice.choices(deeds, weights)
                self._begin(deed())
            if burst % (bursts // EXAMINATIONS + 1) == 0:
                await self._examine_all()
            self._complain()

    def _begin(self, deed: Coroutine[Any, Any, None]) -> None:
        # Not in the context of whoever calls: that may be a process that dies just now.
        task = asyncio.get_running_loop().create_task(deed, context=self.outside.copy())
        self.deeds.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self.deeds.discard(task)
        if not task.cancelled() and (error := task.exception()):
            self.found.append(error)

    def _complain(self) -> None:
        if self.found:
            raise self.found[0]

    async def _heal(self) -> None:
        """Everything works again, for long enough."""
        for machine in self.machines.values():
            machine.disk.fuse = None
        while self.deeds:
            await asyncio.wait(self.deeds)
        self._complain()
        self.network.weather = Weather.fine()
        self.network.silent.clear()
        for domain in (*self.machines, *self.neighbours):
            self.town.zone.heal(domain)
        for neighbour in self.neighbours.values():
            neighbour.well()
        for machine in self.machines.values():
            await machine.release(Selection())
        await asyncio.sleep(SETTLED)

    async def _judge(self) -> None:
        self._complain()
        await self._examine_all()
        await self.court.judge()
        self.outcome.ends = await self.court.ends()
        for machine in self.machines.values():
            await machine.stop()
            await asyncio.sleep(PARTING)
            if machine.process.tasks:
                raise Broken(
                    "rest", f"{machine.hostname} has stopped, and there are {list(machine.process.tasks)}"
                )

    async def _end(self) -> None:
        for task in list(self.deeds):
            task.cancel()
        for machine in self.machines.values():
            if machine.running:
                await machine.die(self.dice, power=False)
            machine.disk.restore(None)
            machine.disk.unregister()
        await self.network.close()

    # -- examining -----------------------------------------------------------------------------------------------------

    async def _examine_all(self) -> None:
        for machine in self.machines.values():
            if machine.running and not machine.process.dead:
                await self.court.examine(machine)

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(LOOK)
            for machine in self.machines.values():
                await self._harvest(machine)

    async def _harvest(self, machine: Machine) -> None:
        if machine.running and not machine.process.dead:
            await self.court.harvest(machine)

    # -- people --------------------------------------------------------------------------------------------------------

    async def send(self) -> None:
        sender = self.dice.choice(list(self.books.people))
        await self._submit(self.books.people[sender].machine, sender, self._recipients())

    async def receive(self) -> None:
        """From elsewhere: to people of that server alone, as it is no relay."""
        machine = self.dice.choice(list(self.machines.values()))
        names = [f"{user}@{machine.domain}" for user in (*USERS, "team", "away", "nobody")]
        sender = self.dice.choice((*OUTSIDE, *OUTSIDE, ""))
        await self._submit(machine, sender, self.dice.sample(names, self.dice.randint(1, 3)))

    def _recipients(self) -> list[str]:
        groups = self.dice.choices(
            (self.everybody, self.nobodies, self.strangers), (20, 1, 5), k=self.dice.choice((1, 1, 2, 5))
        )
        return list(dict.fromkeys(self.dice.choice(group) for group in groups))

    async def _submit(self, machine: Machine, sender: str, recipients: list[str]) -> None:
        await submit(self.books, machine, sender, recipients, self.dice)

    async def pop3(self) -> None:
        await self._read(read_by_pop3)

    async def imap(self) -> None:
        await self._read(read_by_imap)

    async def _read(self, read: Callable[[Books, Person, Random], Coroutine[Any, Any, None]]) -> None:
        person = self.dice.choice(list(self.books.people.values()))
        if person.busy or asyncio.get_running_loop().time() < person.rests_until:
            return
        person.busy = True
        try:
            await read(self.books, person, self.dice)
        finally:
            person.busy = False

    # -- the end -------------------------------------------------------------------------------------------------------

    def _sum_up(self) -> None:
        outcome = self.outcome
        outcome.letters = self.books.mail
        outcome.people = self.books.events
        outcome.faults = self.network.faults
        outcome.seconds = asyncio.get_running_loop().time()
        outcome.checks = self.court.checks
        outcome.digest = self.network.digest.hexdigest()
