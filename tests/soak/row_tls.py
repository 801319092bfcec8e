"""TLS begun and ended again and again, in every manner: no memory and no descriptor is left over."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from asyncio.subprocess import PIPE
from collections import Counter
from pathlib import Path

from tests.soak.serving import Loaded, serving
from tests.soak.table import Row

CLIENTS = 2  # processes
WARMING = 400  # connections after which the server has all that it keeps for good
PARTS = 10  # of the run, between which the memory is looked at
GROWTH = 2.0  # percent, from the highest of the first half to the highest of the second
NOISE = 6.0  # MiB: garbage in cycles waits for its collector, which comes after some thousand connections


async def run(folder: Path, *, handshakes: int, parts: int = PARTS) -> Row:
    row = Row("tls")
    async with serving(folder, row) as server:
        await shake(server, WARMING)
        before, began = server.look(), time.monotonic()
        told: Counter[str] = Counter()
        memory: list[float] = []
        for _ in range(parts):
            told += await shake(server, handshakes // parts)
            memory.append(server.look().memory)
        seconds, cpu = time.monotonic() - began, server.look().cpu - before.cpu
        fine = told.pop("as they should")
        row.add("connections begun and ended", fine, least=handshakes // parts // CLIENTS * CLIENTS * parts)
        row.add("whole handshakes", told.pop("whole handshakes"), least=1)
        row.add("resumed", told.pop("resumed"), least=1)
        row.exactly("surprises of clients", told.total(), 0)
        row.add("connections a second", fine / seconds)
        row.add("the server's processor time for one", cpu / fine * 1e3, "ms")
        first, second = max(memory[: parts // 2]), max(memory[parts // 2 :])
        row.add("memory, highest in the first half", first, "MiB")
        row.add("memory, highest in the second half", second, "MiB", most=first * (1 + GROWTH / 100) + NOISE)
        row.exactly("descriptors left open", (await server.settled(before)).total(), 0)
        row.add("lines of the log", len(server.log))
    return row


async def shake(server: Loaded, count: int) -> Counter[str]:
    """So many connections by all clients together; what they say of them."""
    ports = [str(server.port("imap", tls)) for tls in ("starttls", "implicit")]
    words = (sys.executable, "-m", "tests.soak.shaking", *ports, str(count // CLIENTS))

    async def client() -> Counter[str]:
        process = await asyncio.create_subprocess_exec(*words, stdout=PIPE)
        said, _ = await process.communicate()
        assert process.returncode == 0, "a client of TLS has failed"
        return Counter(json.loads(said))

    return sum(await asyncio.gather(*(client() for _ in range(CLIENTS))), Counter())
