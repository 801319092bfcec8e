"""Clients who do something, and note how long the server took: deliveries, mailboxes that are read, maildrops."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from tests.interop.serving import HOST
from tests.journeys.client import Imap, Pop3, Smtp
from tests.soak.serving import PEOPLE, Loaded
from tests.soak.table import Row, percentile

from correo.net.stream import SocketDialer

CONNECTING = 30.0  # seconds
READERS = PEOPLE[:-1]  # whose mail stays
LETTER = b"From: <carol@far.example>\r\nSubject: number %d\r\nMessage-ID: <%d@far.example>\r\n\r\n%b"
LINE = b"All work and no play makes mail a dull read, and this line is here to fill it.\r\n"


def letter(number: int, lines: int = 40) -> bytes:
    """Some 3 KB."""
    return LETTER % (number, number, LINE * lines)


@dataclass(slots=True)
class Latencies:
    """Seconds, by what was asked for."""

    noted: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    @asynccontextmanager
    async def note(self, what: str) -> AsyncIterator[None]:
        began = time.monotonic()
        yield
        self.noted[what].append(time.monotonic() - began)

    @property
    def count(self) -> int:
        return sum(map(len, self.noted.values()))

    def tell(self, row: Row, when: str, *, p99: float, least: int = 1) -> None:
        """`p99` seconds is what ninety-nine of a hundred may take at most."""
        for what, seconds in sorted(self.noted.items()):
            row.add(f"{what} {when}: how many", len(seconds), least=least)
            row.add(f"{what} {when}: p50", percentile(seconds, 0.50) * 1e3, "ms")
            row.add(f"{what} {when}: p99", percentile(seconds, 0.99) * 1e3, "ms", most=p99 * 1e3)


async def smtp(server: Loaded, tls: str = "starttls") -> Smtp:
    client = Smtp(await SocketDialer().connect(HOST, server.port("smtp", tls), CONNECTING))
    await client.hello()
    return client


async def imap(server: Loaded, person: str) -> Imap:
    client = Imap(await SocketDialer().connect(HOST, server.port("imap"), CONNECTING))
    await client.log_in(person)
    return client


async def pop3(server: Loaded, person: str) -> Pop3:
    client = Pop3(await SocketDialer().connect(HOST, server.port("pop3"), CONNECTING))
    await client.log_in(person)
    return client


async def deliver(server: Loaded, noted: Latencies, number: int) -> None:
    """One message over a connection of its own."""
    async with noted.note("delivery, connecting included"):
        client = await smtp(server)
        person = PEOPLE[number % len(PEOPLE)]
        said = await client.send("carol@far.example", [person], letter(number))
        assert said.code == 250, said
        await client.quit()


async def read(server: Loaded, noted: Latencies, person: str) -> None:
    """The newest message of a mailbox, and the flags of all."""
    client = await imap(server, person)
    async with noted.note("SELECT, FETCH of flags and of a text"):
        exists = [line for line in await client.ask("SELECT INBOX") if line.endswith(" EXISTS")]
        await client.ask("UID FETCH 1:* (FLAGS)")
        if exists != ["* 0 EXISTS"]:
            assert await client.ask("FETCH * BODY.PEEK[]")
    await client.ask("LOGOUT")
    await client.close()


async def empty(server: Loaded, noted: Latencies, person: str) -> None:
    """The maildrop: fetched and deleted."""
    client = await pop3(server, person)
    listed = await client.block("LIST")
    for message in range(1, listed.count(b"\r\n") + 1):
        async with noted.note("RETR and DELE"):
            await client.block(f"RETR {message}")
            await client.ask(f"DELE {message}")
    await client.ask("QUIT")
    await client.close()


async def work(server: Loaded, count: int, lanes: int = 4) -> Latencies:
    """`count` deliveries and as many readings, in `lanes` each at once, beside one that empties a maildrop."""
    noted = Latencies()

    async def deliveries(lane: int) -> None:
        for number in range(lane, count, lanes):
            await deliver(server, noted, number)

    async def readings(lane: int) -> None:
        for number in range(lane, count, lanes):
            await read(server, noted, READERS[number % len(READERS)])

    async def maildrop() -> None:
        for _ in range(max(1, count // 10)):
            await empty(server, noted, PEOPLE[-1])

    async with asyncio.TaskGroup() as group:
        for lane in range(lanes):
            group.create_task(deliveries(lane))
            group.create_task(readings(lane))
        group.create_task(maildrop())
    return noted
