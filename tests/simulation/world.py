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
from functools import partial
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any, TypeVar

from tests.journeys.server import template
from tests.journeys.town import Town
from tests.simulation.books import Books, Broken, Folder, Person
from tests.simulation.coverage import Coverage
from tests.simulation.laws import Court
from tests.simulation.machine import Machine
from tests.simulation.misfortunes import Misfortunes
from tests.simulation.neighbours import DEAD, MOODS, MOODY, NEAR, OUTSIDE, WELL, Neighbour
from tests.simulation.people import hand_over, read_by_pop3, read_everything, submit
from tests.simulation.readers import read_by_imap
from tests.simulation.sharing import grant, take_back, visit_folder
from tests.simulation.weather import Weather, WeatherNetwork

from correo import accounts, mailbox
from correo.mail.instant import HOUR, MINUTE, SECOND
from correo.mail.way import Way
from correo.queue import Selection
from correo.queue.schedule import Schedule
from correo.receive.options import Limits
from correo.storage.db import Tx
from correo.transport.routes import Route, Routes

if TYPE_CHECKING:
    from _typeshed import SupportsLenAndGetItem

T = TypeVar("T")

USERS = ("ann", "bob", "eve", "dan", "fay")
OFTEN = (4, 4, 4, 1, 1)  # how often each of them reads: who comes again can compare
SCHEDULE = Schedule(retry=(5 * MINUTE, 20 * MINUTE, HOUR, 2 * HOUR), lifetime=6 * HOUR, warn_after=2 * HOUR)
SETTLED = 18 * HOUR / SECOND  # six for what waits, six for its notice, and six for clocks that were set back
HOPS = 10  # Received fields, until a message is taken to be in a loop
SIZES = (2, 1, 3)  # processes of the servers, in turn
FULL, ROOM = "eve", (12, 120_000)  # who has little room, and how much: messages and octets
GUESTS, RIGHTS = (
    ("bob", "dan"),
    "lrswite",
)  # who may use the folder that ann shares, and what they may do at first
LOOK = 1200.0  # seconds between looks for new notices, before they could be swept away


PROMPT = 5.0  # seconds in which mail is somewhere else where all is well
HANGING = 900.0  # seconds after which connections are given up on which nothing happens
PARTING = 5.0  # seconds in which connections to a server that has stopped are over
BURST = 6  # deeds at once, on average
LETTERS_A_DEED = (
    1.25 * 1.25
)  # letters for each `World.send`, with those from elsewhere, and some connections that bring two
HOURS, SERVERS, LETTERS = 10.0, 3, 120  # what the tests do with each seed
EXAMINATIONS = 10  # of everything, in one run, besides those after each crash

Reading = Callable[..., Coroutine[Any, Any, None]]


@dataclass(frozen=True, slots=True)
class Plan:
    seed: int
    hours: float = HOURS
    servers: int = SERVERS
    letters: int = LETTERS  # about
    workers: int = 0  # processes of each server; 0: as many as `SIZES` says

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
    coverage: Coverage = field(default_factory=Coverage)


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
            self.send: 0.9,
            self.regret: 0.1,
            self.receive: 0.25,
            self.pop3: 0.2,
            self.hand_over: 0.05,
            self.imap: 0.6,
            self.visit: 0.15,
            self.grant: 0.05,
            self.take_back: 0.1,
            misfortunes.meddle: 0.08,
            misfortunes.kill: 0.02,
            misfortunes.cut_power: 0.02,
            misfortunes.stop: 0.008,
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
            looking.add_done_callback(self._done)
            await self._live()
            await self._heal(looking)
            looking.cancel()
            await self._judge()
        finally:
            self._sum_up()
            await self._end()
        return self.outcome

    async def _build(self) -> None:
        plan = self.plan
        self.network.weather = Weather.fine()
        domains = [f"{name}.example" for name in "abcdefgh"[: plan.servers]]
        for domain in domains:
            machine = self.machines[domain] = await self._machine(domain)
            for user in USERS:
                address = f"{user}@{domain}"
                most = ROOM if user == FULL else None
                self.books.people[address] = Person(address, machine, user != "bob", most)
        for domain, other in zip(domains, [*domains[1:], domains[0]], strict=True):
            team = f"team@{domain}"
            self.aliases[team] = (f"ann@{domain}", f"bob@{other}", f"eve@{other}")
            await self.machines[domain].seat.alias(team, *self.aliases[team])
            away = f"away@{domain}"
            self.aliases[away] = (f"gone@{MOODY}",)
            await self.machines[domain].seat.alias(away, *self.aliases[away])
            await self.machines[domain].seat.alias(f"round@{domain}", f"round@{other}")
            await self._share(self.books.people[f"ann@{domain}"])
        self.books.rounds = tuple(f"round@{domain}" for domain in domains)
        for domain, moods in ((NEAR, WELL), (MOODY, MOODS)):
            self.neighbours[domain] = Neighbour(Random(f"{domain} {plan.seed}"), moods, self._hear)
            address = self.town.address()
            self.town.publish(domain, f"mx.{domain}", address)
            self.network.listen(address, 25, self.neighbours[domain].serve)
        self.town.publish(DEAD, f"mx.{DEAD}", self.town.address())
        for machine in self.machines.values():
            machine.lies = tuple(other.address for other in self.machines.values() if other is not machine)
        self.everybody = [*self.books.people, *self.aliases]
        self.network.weather = Weather()
        self.nobodies = [f"nobody@{domain}" for domain in domains] + [self.books.rounds[0]]
        self.strangers = [f"one@{MOODY}", f"two@{MOODY}", f"three@{DEAD}", *OUTSIDE]

    async def _machine(self, domain: str) -> Machine:
        hostname = f"mx.{domain}"
        folder = self.town.folder / hostname
        shutil.copytree(await template(), folder)
        number = len(self.machines)
        limits = Limits(received=HOPS, reject_over_quota=number % 2 == 1)
        machine = Machine(self.town, folder, hostname, self.town.address(), SCHEDULE, limits)
        machine.size = self.plan.workers or SIZES[number % len(SIZES)]
        machine.routes = self._routes(number)
        self.town.publish(domain, hostname, machine.address)
        machine.killed = lambda machine: self._begin(self.misfortunes.after_power(machine))
        await machine.start()
        await machine.seat.people(*(f"{user}@{domain}" for user in USERS), domain=domain)
        await machine.db.write(limit, f"{FULL}@{domain}", *ROOM)
        return machine

    def _routes(self, number: int) -> Routes:
        """The first sends what is for nowhere by another's server, the second mail for the next domain by LMTP."""
        if number == 0:
            return Routes([(DEAD, Route(Way.parse(f"smtp:mx.{NEAR}:25")))])
        if number == 1:
            following = "abcdefgh"[(number + 1) % self.plan.servers]
            return Routes([(f"{following}.example", Route(Way.parse(f"lmtp:mx.{following}.example:24")))])
        return Routes()

    async def _share(self, owner: Person) -> None:
        folder = Folder(owner, "Team")
        imap = await owner.machine.seat.imap(owner.address)
        await imap.ask(f"CREATE {folder.name}")
        for user in GUESTS:
            address = f"{user}@{owner.machine.domain}"
            await imap.ask(f"SETACL {folder.name} {address} {RIGHTS}")
            folder.rights[address] = RIGHTS
        await imap.close()
        self.books.folders.append(folder)

    def _hear(self, raw: bytes) -> str:
        self.books.learn(raw)
        return self.books.check(raw)

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

    async def _heal(self, looking: asyncio.Task[None]) -> None:
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
            await machine.seat.release(Selection())
        await asyncio.wait({looking}, timeout=SETTLED)  # which ends only where something is wrong

    async def _judge(self) -> None:
        self._complain()
        await self._greet()
        await self._examine_all()
        await self.court.judge()
        for person in self.books.people.values():
            await read_everything(self.books, person)
        await asyncio.sleep(PARTING)
        self.outcome.ends = await self.court.ends()
        for machine in self.machines.values():
            seats = machine.seats
            await machine.stop()
            await asyncio.sleep(PARTING)
            if left := [task for seat in seats for task in seat.process.tasks]:
                raise Broken("rest", f"{machine.hostname} has stopped, and there are {left}")

    async def _end(self) -> None:
        for task in list(self.deeds):
            task.cancel()
        for machine in self.machines.values():
            if machine.running:
                await machine.die(self.dice, power=False)
            machine.disk.restore(None)
            machine.disk.unregister()
        await self.network.close()

    async def _greet(self) -> None:
        """From everywhere to everywhere, and at once. Raises Broken."""
        for machine in self.machines.values():
            for other in self.machines.values():
                sender, recipient = f"fay@{machine.domain}", f"dan@{other.domain}"
                size = len(self.books.promises)
                await submit(self.books, machine, sender, [recipient], Obliging(0))
                if len(self.books.promises) == size:
                    raise Broken("rest", f"{machine.hostname} takes no mail, though all is well")
        await asyncio.sleep(PROMPT)
        for machine in self.machines.values():
            if waiting := await machine.seat.queued():
                raise Broken("rest", f"{machine.hostname} lets mail wait, though all is well: {waiting}")
        await asyncio.sleep(HANGING)

    # -- examining -----------------------------------------------------------------------------------------------------

    async def _examine_all(self) -> None:
        for machine in self.machines.values():
            if machine.running:
                await self.court.examine(machine)

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(LOOK)
            for machine in self.machines.values():
                await self._harvest(machine)

    async def _harvest(self, machine: Machine) -> None:
        if machine.running:
            await self.court.harvest(machine)

    # -- people --------------------------------------------------------------------------------------------------------

    async def send(self) -> None:
        sender = self.dice.choice(list(self.books.people))
        await self._submit(self.books.people[sender].machine, sender, self._recipients())

    async def regret(self) -> None:
        """To send something, and to want it back at once, while it may be on its way."""
        (person,) = self.dice.choices([*self.books.people.values()], OFTEN * len(self.machines))
        recipients = [self.dice.choice(self.strangers), *self._recipients()]
        await self._submit(person.machine, person.address, list(dict.fromkeys(recipients)))
        await self._read(take_back, person)

    async def receive(self) -> None:
        """From elsewhere: to people of that server alone, as it is no relay."""
        machine = self.dice.choice(list(self.machines.values()))
        names = [f"{user}@{machine.domain}" for user in (*USERS, "team", "away", "nobody")]
        sender = self.dice.choice((*OUTSIDE, *OUTSIDE, ""))
        await self._submit(machine, sender, self.dice.sample(names, self.dice.randint(1, 3)))

    async def hand_over(self) -> None:
        machine = self.dice.choice(list(self.machines.values()))
        names = [f"{user}@{machine.domain}" for user in (*USERS, "team", "nobody")]
        recipients = self.dice.sample(names, self.dice.randint(1, 4))
        await hand_over(self.books, machine, self.dice.choice(OUTSIDE), recipients, self.dice)

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

    async def take_back(self) -> None:
        await self._read(take_back)

    async def visit(self) -> None:
        folder = self.dice.choice(self.books.folders)
        guest = self.dice.choice([*folder.rights])
        await self._read(partial(visit_folder, folder=folder), self.books.people[guest])

    async def grant(self) -> None:
        await grant(self.books, self.dice.choice(self.books.folders), self.dice)

    async def _read(self, read: Reading, person: Person | None = None) -> None:
        if person is None:
            people = [*self.books.people.values()]
            (person,) = self.dice.choices(people, OFTEN * len(self.machines))
        if person.busy or asyncio.get_running_loop().time() < person.rests_until:
            return
        person.busy = True
        try:
            await read(books=self.books, person=person, dice=self.dice)
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
        for machine in self.machines.values():
            outcome.coverage.add(machine.coverage)


class Obliging(Random):
    """Dice that always show the first side."""

    def choice(self, seq: SupportsLenAndGetItem[T]) -> T:
        return seq[0]


async def limit(tx: Tx, address: str, messages: int, size: int) -> None:
    account = await accounts.get_account(tx, address)
    assert account is not None
    await mailbox.set_limits(tx, account.id, messages=messages, size=size, mailboxes=None)
