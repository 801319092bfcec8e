"""More connections than there are descriptors: who is too many is told so, and all others are served in full."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from pathlib import Path

from tests.interop.serving import HOST
from tests.journeys.client import Dialog
from tests.soak import busy
from tests.soak.serving import PEOPLE, Loaded, serving
from tests.soak.table import Row

from correo.net.stream import SocketDialer, SocketStream

DESCRIPTORS = 150  # that the server may have
CROWD = 250  # connections to it
DOORS = ("smtp", "imap", "pop3")
LINES = 10  # of the log for all that
LONG = 20_000  # lines of a letter that is read in a thread, with a connection to the database that must be opened


async def run(folder: Path, *, letters: int) -> Row:
    row = Row("out of descriptors")
    async with serving(folder, row, descriptors=DESCRIPTORS) as server:
        sender, reader = await busy.smtp(server), await busy.imap(server, PEOPLE[0])
        await reader.ask("SELECT INBOX")
        before, said, began = server.look(), len(server.log), time.monotonic()
        crowd, told = await filled(server)
        row.add("connections that are served", told["served"], least=DESCRIPTORS // 2)
        row.add("told that there are too many", told["too many"], least=CROWD - DESCRIPTORS)
        for number in range(letters):
            answer = await sender.send("carol@far.example", [PEOPLE[0]], busy.letter(number, LONG))
            assert answer.code == 250, answer
            await reader.ask("NOOP")
            assert await reader.ask("FETCH * BODY.PEEK[]")
        row.add("letters from and to those who are there", letters, least=letters)
        row.add("seconds for that", time.monotonic() - began, "s")
        row.add("lines of the log besides", len(server.log) - said - letters, most=LINES)
        for stream in crowd:
            stream.abort()
        row.exactly("descriptors left open", (await server.settled(before)).total(), 0)
        (await busy.work(server, 10)).tell(row, "afterwards", p99=5.0)
        await sender.quit()
    return row


async def filled(server: Loaded) -> tuple[list[SocketStream], Counter[str]]:
    """Connections, at each door in turn, and what they heard."""
    crowd: list[SocketStream] = []
    told: Counter[str] = Counter()
    for number in range(CROWD):
        port = server.port(DOORS[number % len(DOORS)])
        stream = await SocketDialer().connect(HOST, port, busy.CONNECTING)
        crowd.append(stream)
        greeting = await asyncio.wait_for(Dialog(stream).line(), busy.CONNECTING)
        told["too many" if "Too many" in greeting else "served"] += 1
    return crowd, told
