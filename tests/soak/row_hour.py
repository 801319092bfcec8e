"""Hours of mixed traffic on virtual time, in one process, where every object can be counted: none is left over."""

from __future__ import annotations

import asyncio
import gc
import logging
import sys
from collections import Counter
from pathlib import Path
from random import Random

import structlog
from tests.journeys.client import PASSWORD, Imap, Pop3, Smtp
from tests.journeys.far import Far
from tests.journeys.in_place import InPlace
from tests.journeys.server import PORTS, Server
from tests.journeys.town import Town
from tests.soak.table import Row

from correo.clock.virtual import run as on_virtual_time
from correo.dns import Resolver
from correo.dns.cache import CachingResolver
from correo.net.memory import MemoryStream
from correo.ops.sweeping import sweep
from correo.receive.rates import NetworkRates

DOMAIN = "here.example"
USERS = [f"user{number}" for number in range(6)]
# Fewer than what is remembered of any kind, and all of them come in each third: what grows then is no cache that fills.
CLIENTS = [f"198.51.100.{number}" for number in range(100, 140)]
FAR = [f"far{number}.example" for number in range(10)]
NOWHERE = [f"nowhere{number}.example" for number in range(10)]
STRANGERS = [f"nobody{number}@{DOMAIN}" for number in range(20)]
CACHE = 64 * 1024  # octets of the cache of the DNS
MINUTE = 60.0
GROWTH = 2.0  # percent


class Modelled(Server):
    """With the caches and counts that it has when it serves."""

    def resolver(self) -> Resolver:
        return CachingResolver(super().resolver(), self.clock, capacity=CACHE)

    def work(self) -> None:
        super().work()
        self.rates = NetworkRates()
        self.sweeping = asyncio.get_running_loop().create_task(
            sweep(self.db, self.bus, self.clock, lambda: 0)
        )

    async def stop(self) -> None:
        self.sweeping.cancel()
        await super().stop()


def run(folder: Path, *, hours: float) -> Row:
    """A third of the time is for everything to have happened before."""
    row = Row(f"{hours:g} hours of virtual time")
    folder.mkdir(exist_ok=True)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    try:
        on_virtual_time(_told(folder, row, hours))
    finally:
        structlog.reset_defaults()
    return row


async def _told(folder: Path, row: Row, hours: float) -> None:
    asyncio.get_running_loop().set_default_executor(InPlace(1))
    town = Town(folder)
    far = Far()
    for domain in FAR:
        town.far(domain, far)
    server = await town.server(f"mail.{DOMAIN}", DOMAIN, *USERS, make=Modelled)
    people = Traffic(town, server, far)
    minutes = round(hours * 60)
    counts = []
    for third in range(3):
        for minute in range(minutes // 3):
            await people.minute(third * (minutes // 3) + minute)
        await asyncio.sleep(30 * MINUTE)  # those who linger have gone
        people.forget()
        counts.append(counted())
    await town.close()
    row.add("messages", people.done["messages"], least=minutes)
    row.add("sessions", people.done.total(), least=3 * minutes)
    tell(row, *counts[1:])


def tell(row: Row, before: tuple[int, Counter[str]], after: tuple[int, Counter[str]]) -> None:
    (blocks, types), (blocks_after, types_after) = before, after
    row.add("blocks of memory after two thirds", blocks)
    row.add("blocks of memory at the end", blocks_after, most=blocks * (1 + GROWTH / 100))
    grown = types_after - types
    name, number = (grown.most_common(1) or [("of any type", 0)])[0]
    row.add(f"objects more ({name})", number, most=max(50.0, types.total() * GROWTH / 100))


def counted() -> tuple[int, Counter[str]]:
    """What there is: blocks that the interpreter has allocated, and objects by type."""
    gc.collect()
    gc.collect()
    types = Counter(type(one).__qualname__ for one in gc.get_objects())
    return sys.getallocatedblocks(), types


class Traffic:
    """What people do in a minute."""

    def __init__(self, town: Town, server: Server, far: Far) -> None:
        self.town = town
        self.server = server
        self.far = far
        self.dice = Random(1)
        self.done: Counter[str] = Counter()

    def forget(self) -> None:
        """What the far server has taken is its own memory, not ours."""
        self.far.taken.clear()

    async def minute(self, number: int) -> None:
        client, user = CLIENTS[number % len(CLIENTS)], f"{USERS[number % len(USERS)]}@{DOMAIN}"
        async with asyncio.timeout(10 * MINUTE):
            await self.deliver(client, user)
            await self.deliver(client, STRANGERS[number % len(STRANGERS)])
            await self.submit(client, user, f"someone@{FAR[number % len(FAR)]}")
            if number % 5 == 0:
                await self.submit(client, user, f"someone@{NOWHERE[number // 5 % len(NOWHERE)]}")
            await self.guess(client, STRANGERS[number % len(STRANGERS)])
            await self.read(client, user)
            await self.babble(client)
            await self.empty(client, user)
        await asyncio.sleep(MINUTE / 2)

    async def _stream(self, kind: str, client: str) -> MemoryStream:
        return await self.town.network.dialer(client).connect(self.server.address, PORTS[kind], 10.0)

    async def deliver(self, client: str, recipient: str) -> None:
        smtp = Smtp(await self._stream("mx", client))
        await smtp.hello()
        await smtp.send(
            "carol@far0.example", [recipient], self.town.letter("carol@far0.example", [recipient])
        )
        await smtp.quit()
        self.done["messages"] += 1

    async def submit(self, client: str, sender: str, recipient: str) -> None:
        smtp = Smtp(await self._stream("submission", client))
        await smtp.hello(sender)
        await smtp.send(sender, [recipient], self.town.letter(sender, [recipient]))
        await smtp.quit()
        self.done["messages"] += 1

    async def guess(self, client: str, login: str) -> None:
        imap = Imap(await self._stream("imap", client))
        await imap.line()
        imap.say(f"a LOGIN {login} wrong-{self.dice.random()}")
        await imap.line()
        await imap.close()
        self.done["guesses"] += 1

    async def read(self, client: str, user: str) -> None:
        imap = Imap(await self._stream("imap", client))
        await imap.line()
        imap.say(f"l LOGIN {user} {PASSWORD}")
        if "OK" not in await imap.line():
            await imap.close()
            return
        for command in (
            "SELECT INBOX",
            "UID FETCH 1:* (FLAGS ENVELOPE BODY.PEEK[])",
            "UID SEARCH TEXT letter",
        ):
            await imap.ask(command)
        await imap.idle()
        await asyncio.sleep(5)
        if self.dice.random() < 0.5:
            await imap.done()
            await imap.ask("LOGOUT")
        await imap.close()
        self.done["IMAP"] += 1

    async def babble(self, client: str) -> None:
        """Nonsense, and an end in the midst of a message."""
        smtp = Smtp(await self._stream("mx", client))
        await smtp.hello()
        await smtp.ask(f"X{self.dice.random()}")
        for line in ("MAIL FROM:<a@far0.example>", f"RCPT TO:<{USERS[0]}@{DOMAIN}>", "DATA"):
            await smtp.ask(line)
        smtp.stream.write(b"Subject: cut off\r\n\r\n" + b"x" * self.dice.randrange(5_000))
        smtp.stream.abort()
        self.done["babble"] += 1

    async def empty(self, client: str, user: str) -> None:
        pop3 = Pop3(await self._stream("pop3", client))
        await pop3.line()
        for line in (f"USER {user}", f"PASS {PASSWORD}"):
            pop3.say(line)
            answer = await pop3.line()
        if answer.startswith("+OK"):
            listed = await pop3.block("LIST")
            for message in range(1, listed.count(b"\r\n") + 1):
                await pop3.block(f"RETR {message}")
                await pop3.ask(f"DELE {message}")
            await pop3.ask("QUIT")
        await pop3.close()
        self.done["POP3"] += 1
