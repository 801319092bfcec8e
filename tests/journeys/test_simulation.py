"""Weeks in a small town where everything fails now and then: servers stop and crash, hosts fall silent, the DNS is down, operators meddle.

When all is well again and time has gone by, every message for which a client read 250 is where it should be, or its sender was told why
not. Inside one server never twice; between servers twice only where one of them crashed. The dice are the seed: a failure repeats.
"""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Awaitable, Callable
from email import message_from_bytes
from pathlib import Path
from random import Random

import pytest
from tests.journeys.server import Server
from tests.journeys.town import Town

from correo.clock.virtual import run
from correo.mail.instant import DAY, HOUR, MINUTE
from correo.queue import Selection
from correo.queue.schedule import Schedule

SEEDS = 2 * max(1, int(os.environ.get("CORREO_FUZZ", "0")))
STEPS = 80
DOMAINS = ("a.example", "b.example", "c.example")
USERS = ("ann", "bob", "eve")
SCHEDULE = Schedule(retry=(5 * MINUTE, 20 * MINUTE, HOUR), lifetime=DAY, warn_after=3 * HOUR)
PEOPLE = [f"{user}@{domain}" for domain in DOMAINS for user in USERS]
ALIASES = {f"team@{domain}": (f"ann@{domain}", f"bob@{other}", f"eve@{other}") for domain, other in zip(
    DOMAINS, (*DOMAINS[1:], DOMAINS[0]), strict=True)}  # fmt: skip
NOBODIES = [f"nobody@{domain}" for domain in DOMAINS]  # whom only their own server knows not to exist
HOLDS = ("", "", "", " HOLDFOR=60", " HOLDFOR=7200")  # RFC 4865: mail for people here waits in the queue, too
PAUSES = ("1s", "30s", "5m", "1h", "3h")


class Simulation:
    def __init__(self, town: Town, dice: Random) -> None:
        self.town = town
        self.dice = dice
        self.servers: dict[str, Server] = {}
        self.promised: list[tuple[str, str, tuple[str, ...]]] = []  # message, sender, recipients of each 250
        self.crashes = 0
        self.deeds: dict[Callable[[], Awaitable[None]], int] = {
            self.send: 40,
            self.wait: 25,
            self.stop_or_start: 8,
            self.crash: 4,
            self.silence: 6,
            self.spoil_dns: 6,
            self.meddle: 6,
        }

    async def build(self) -> None:
        for domain in DOMAINS:
            self.servers[domain] = await self.town.server(f"mx.{domain}", domain, *USERS, schedule=SCHEDULE)
        for address, targets in ALIASES.items():
            await self.servers[_domain(address)].alias(address, *targets)

    async def live(self) -> None:
        deeds, weights = list(self.deeds), list(self.deeds.values())
        for _ in range(STEPS):
            (deed,) = self.dice.choices(deeds, weights)
            await deed()

    async def heal(self) -> None:
        """Everything works again, for long enough."""
        self.town.network.silent.clear()
        for domain, server in self.servers.items():
            self.town.zone.heal(domain)
            if not server.running:
                await server.start()
        for server in self.servers.values():
            await server.release(Selection())
        await self.town.wait("3d")  # a day for the message, another for its bounce
        for server in self.servers.values():
            assert await server.queued() == []

    # -- what happens ------------------------------------------------------------------------------------------------

    async def send(self) -> None:
        sender = self.dice.choice(PEOPLE)
        server = self.servers[_domain(sender)]
        recipients = self.dice.sample([*PEOPLE, *ALIASES, *NOBODIES], self.dice.randint(1, 4))
        if not server.running:
            await server.start()
        text = self.town.letter(sender, recipients)
        try:
            said = await server.send(sender, recipients, text, mail=self.dice.choice(HOLDS))
        except (EOFError, OSError):  # silent, or gone in the middle: nothing was promised
            return
        if said.code == 250:
            message = str(message_from_bytes(text)["Message-ID"])
            self.promised.append((message, sender, said.recipients))

    async def wait(self) -> None:
        await self.town.wait(self.dice.choice(PAUSES))

    async def stop_or_start(self) -> None:
        server = self.dice.choice(list(self.servers.values()))
        await (server.stop() if server.running else server.start())

    async def crash(self) -> None:
        """Perhaps while something is on its way: some turns of the loop after a message was sent."""
        server = self.dice.choice(list(self.servers.values()))
        if server.running:
            sending = asyncio.ensure_future(self.send())
            for _ in range(self.dice.randint(0, 300)):
                await asyncio.sleep(0)
            await server.vanish()
            self.crashes += 1
            await sending

    async def silence(self) -> None:
        address = self.dice.choice(list(self.servers.values())).address
        self.town.network.silent ^= {address}

    async def spoil_dns(self) -> None:
        domain = self.dice.choice(DOMAINS)
        self.town.zone.fail(domain)
        await self.send()
        await self.wait()
        self.town.zone.heal(domain)

    async def meddle(self) -> None:
        server = self.dice.choice(list(self.servers.values()))
        if server.running:
            deed = self.dice.choice([server.hold, server.release, server.retry])
            await deed(Selection(destination=self.dice.choice(DOMAINS)))

    # -- what has become of it ---------------------------------------------------------------------------------------

    async def wrong(self) -> list[str]:
        inboxes = {person: await self.servers[_domain(person)].inbox(person) for person in PEOPLE}
        held = {person: Counter(map(_name, messages)) for person, messages in inboxes.items()}
        returned = {person: _returned(messages) for person, messages in inboxes.items()}
        found = []
        for message, sender, recipients in self.promised:
            for target, ways in _ways(_domain(sender), recipients).items():
                copies = held[target][message] if target in held else 0
                told = sum(returned[sender][message, name] for name in {target, *ways})
                at_home = _domain(target) == _domain(sender) and len(ways) == 1
                most = 1 if at_home else len(ways) * (1 + self.crashes)
                if not (copies + told >= 1 and max(copies, told) <= most):
                    found.append(
                        f"{message} from {sender} for {target}: {copies} copies, {told} notices, by {ways}"
                    )
        return found


def _ways(home: str, recipients: tuple[str, ...]) -> dict[str, list[str]]:
    """Who is to have the message, each with the addresses that lead to him: aliases of the sender's own server are merged, those
    of others are not known to it, and may lead to somebody who is addressed anyway.
    """
    near = {
        step
        for name in recipients
        for step in (ALIASES.get(name, (name,)) if _domain(name) == home else (name,))
    }
    ways: dict[str, list[str]] = {}
    for step in sorted(near):
        for target in ALIASES.get(step, (step,)):
            ways.setdefault(target, []).append(step)
    return ways


def _domain(address: str) -> str:
    return address.partition("@")[2]


def _name(raw: bytes) -> str:
    return str(message_from_bytes(raw)["Message-ID"])


def _returned(messages: list[bytes]) -> Counter[tuple[str, str]]:
    """Message and recipient of each failure that a person was told of."""
    told: Counter[tuple[str, str]] = Counter()
    for raw in messages:
        parsed = message_from_bytes(raw)
        if str(parsed["Subject"]).startswith("Could not be delivered"):
            told.update(
                (str(parsed["In-Reply-To"]), line.rpartition(" ")[2])
                for line in raw.decode().splitlines()
                if line.startswith("Final-Recipient:")
            )
    return told


@pytest.mark.parametrize("seed", range(SEEDS))
def test_weeks_in_a_town_where_everything_fails(seed: int, tmp_path: Path) -> None:
    async def tell() -> None:
        town = Town(tmp_path)
        simulation = Simulation(town, Random(seed))
        await simulation.build()
        await simulation.live()
        await simulation.heal()
        assert len(simulation.promised) > 5
        assert await simulation.wrong() == []
        await town.close()

    run(tell())
