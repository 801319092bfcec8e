"""Stopped, upgraded and reloaded while everybody is busy: each hears a word of parting, and what was promised is there."""

from __future__ import annotations

import asyncio
import signal
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.interop.serving import HOST
from tests.journeys.client import Dialog, Smtp
from tests.soak import busy
from tests.soak.serving import PEOPLE, SECONDS, Loaded, serving
from tests.soak.table import Row

from correo.net.stream import SocketDialer

SENDERS = 8
IDLE = 5  # of each protocol
DRAIN = 5.0  # seconds, as limits.drain is configured
STOPPING = 10.0  # beyond that, for all else
PARTING = {"smtp": "421", "imap": "* BYE", "pop3": "-ERR"}  # RFC 5321 §3.8, RFC 9051 §7.1.5


@dataclass(slots=True)
class Load:
    """Senders who go on until told not to, and what they were told."""

    server: Loaded
    promised: dict[str, str] = field(default_factory=dict)  # subject and recipient of each 250
    outcomes: Counter[str] = field(default_factory=Counter)
    over: bool = False
    begun: int = 0

    async def send(self) -> None:
        """Message after message; who is turned away comes again."""
        while not self.over:
            try:
                client = Smtp(await SocketDialer().connect(HOST, self.server.port("smtp"), busy.CONNECTING))
                try:
                    await self._messages(client)
                finally:
                    await client.close()
            except (OSError, EOFError):
                self.outcomes["cut"] += 1
                await asyncio.sleep(0.05)

    async def _messages(self, client: Smtp) -> None:
        if not self._said((await client.reply()).code, 220) or not await self._ask(
            client, "EHLO client.example", 250
        ):
            return
        while not self.over:
            self.begun += 1
            number, person = self.begun, PEOPLE[self.begun % len(PEOPLE)]
            envelope = ("MAIL FROM:<carol@far.example>", 250), (f"RCPT TO:<{person}>", 250), ("DATA", 354)
            for line, expected in envelope:
                if not await self._ask(client, line, expected):
                    return
            client.stream.write(busy.letter(number) + b".\r\n")
            if not self._said((await client.reply()).code, 250):
                return
            self.promised[f"number {number}"] = person
            self.outcomes["promised"] += 1

    async def _ask(self, client: Smtp, line: str, expected: int) -> bool:
        return self._said((await client.ask(line)).code, expected)

    def _said(self, code: int, expected: int) -> bool:
        if code != expected:
            self.outcomes[str(code)] += 1
        return code == expected


async def run(folder: Path, *, seconds: float) -> Row:
    """`seconds` of load before each signal, and after those that do not end it."""
    row = Row("stopped while busy")
    promised: dict[str, str] = {}
    for workers in (1, 2):
        async with serving(folder, row, workers=workers) as server:
            load = Load(server, begun=len(promised) * 1_000)
            async with asyncio.TaskGroup() as group:
                for _ in range(SENDERS):
                    group.create_task(load.send())
                await asyncio.sleep(seconds)
                await reloaded(row, load, workers, seconds)
                if workers > 1:
                    await upgraded(row, load, seconds)
                await stopped(row, load, workers)
                load.over = True
            judge(row, load, f"{workers} worker{'s' if workers > 1 else ''}")
            promised |= load.promised
    async with serving(folder, row) as server:
        await compare(row, server, promised)
    return row


async def reloaded(row: Row, load: Load, workers: int, seconds: float) -> None:
    before, done = load.outcomes["cut"], load.server.events("reloaded")
    load.server.signal(signal.SIGHUP)
    await until(lambda: load.server.events("reloaded") >= done + workers)
    await asyncio.sleep(seconds)
    row.exactly(f"SIGHUP, {workers} x: connections cut", load.outcomes["cut"] - before, 0)


async def upgraded(row: Row, load: Load, seconds: float) -> None:
    before, began = Counter(load.outcomes), time.monotonic()
    old = set(load.server.pids)
    load.server.signal(signal.SIGUSR2)
    await until(lambda: load.server.events("all workers are replaced") > 0)
    await until(lambda: len(old & set(load.server.pids)) == 1)
    row.add(
        "SIGUSR2: seconds until all are replaced", time.monotonic() - began, "s", most=2 * (DRAIN + STOPPING)
    )
    row.exactly("SIGUSR2: connections cut without a word", load.outcomes["cut"] - before["cut"], 0)
    row.add("SIGUSR2: told 421", load.outcomes["421"] - before["421"], least=1)
    row.add("SIGUSR2: promised meanwhile", load.outcomes["promised"] - before["promised"], least=1)
    await asyncio.sleep(seconds)


async def stopped(row: Row, load: Load, workers: int) -> None:
    idle = {protocol: [await greeted(load.server, protocol) for _ in range(IDLE)] for protocol in PARTING}
    name = f"SIGTERM, {workers} x"
    row.add(f"{name}: seconds until the end", await load.server.ended(), "s", most=DRAIN + STOPPING)
    for protocol, word in PARTING.items():
        heard = [await client.line() for client in idle[protocol]]
        row.exactly(
            f"{name}: {protocol} clients told {word}", sum(line.startswith(word) for line in heard), IDLE
        )
        for client in idle[protocol]:
            await client.close()


async def greeted(server: Loaded, protocol: str) -> Dialog:
    client = Dialog(await SocketDialer().connect(HOST, server.port(protocol), busy.CONNECTING))
    await client.line()
    return client


def judge(row: Row, load: Load, who: str) -> None:
    row.add(f"{who}: messages promised", load.outcomes["promised"], least=SENDERS)
    row.add(
        f"{who}: told 421 or 4xx", sum(load.outcomes[code] for code in load.outcomes if code.startswith("4"))
    )
    row.exactly(
        f"{who}: told 5xx", sum(load.outcomes[code] for code in load.outcomes if code.startswith("5")), 0
    )


async def compare(row: Row, server: Loaded, promised: dict[str, str]) -> None:
    """Each promise with what is in the mailbox it was made for."""
    found: Counter[tuple[str, str]] = Counter()
    for person in PEOPLE:
        client = await busy.imap(server, person)
        await client.ask("SELECT INBOX")
        for answer in await client.ask("UID FETCH 1:* BODY.PEEK[HEADER.FIELDS (SUBJECT)]"):
            found[answer.partition("Subject: ")[2].partition("\r\n")[0], person] += 1
        await client.ask("LOGOUT")
        await client.close()
    row.exactly("promised and not there", sum(not found[made] for made in promised.items()), 0)
    row.exactly("there more than once", sum(count > 1 for (subject, _), count in found.items() if subject), 0)
    row.add("there in all", sum(found.values()), least=len(promised))


async def until(happened: Callable[[], bool]) -> None:
    async with asyncio.timeout(SECONDS):
        while not happened():
            await asyncio.sleep(0.02)
