"""Minutes of steady mixed load on real processes: their memory stays where it is."""

from __future__ import annotations

import asyncio
import base64
import statistics
import time
from pathlib import Path
from random import Random

from tests.soak import busy
from tests.soak.busy import Latencies
from tests.soak.serving import PEOPLE, Loaded, serving
from tests.soak.table import Row

LETTERS = 5  # in a mailbox before it is emptied
PAUSE = 0.05  # seconds between two things that one person does: the machine is busy and not overloaded
SAMPLES = 60
WARMING = 0.4  # of the time is for caches to fill
GROWTH = 2.0  # percent, over the time that is measured
LONG = 160_000  # octets that are random, in a message which is still read inline
FILLING = 500  # of these fill the 64 MiB of pages that each connection to the database may keep
LANES = 4
NOISE = 4.0  # MiB that differ from one moment to another
P99 = 5.0  # seconds


async def run(
    folder: Path, *, seconds: float, workers: int = 1, filling: int = FILLING, noise: float = NOISE
) -> Row:
    """`filling`: long messages that are delivered and read before, so that the database's caches are full."""
    row = Row(f"steady load, {workers} worker{'s' if workers > 1 else ''}")
    noted = Latencies()
    async with serving(folder, row, workers=workers) as server:
        await asyncio.gather(*(fill(server, range(lane, filling * workers, LANES)) for lane in range(LANES)))
        await asyncio.gather(*(life(server, Latencies(), person, 0.0) for person in PEOPLE))
        before, end = server.look(), time.monotonic() + seconds
        lives = asyncio.gather(*(life(server, noted, person, end) for person in PEOPLE))
        samples = await sampled(server, seconds)
        await lives
        row.exactly("descriptors left open", (await server.settled(before)).total(), 0)
        used = server.look().cpu - before.cpu
    row.add("things done", noted.count, least=len(PEOPLE))
    row.add("the server's processor", used / seconds * 100, "%")
    noted.tell(row, "under steady load", p99=P99)
    tell(row, samples, noise)
    return row


async def fill(server: Loaded, numbers: range) -> None:
    """Messages that cannot be packed well: whoever empties the mailboxes reads them."""
    for number in numbers:
        client = await busy.smtp(server)
        text = base64.encodebytes(Random(number).randbytes(LONG)).replace(b"\n", b"\r\n")
        person = PEOPLE[number % len(PEOPLE)]
        said = await client.send("carol@far.example", [person], b"Subject: long\r\n\r\n" + text)
        assert said.code == 250, said
        await client.quit()


async def life(server: Loaded, noted: Latencies, person: str, end: float) -> None:
    """One person gets mail, reads it, and empties the mailbox; at least once."""
    number = PEOPLE.index(person)
    while True:
        for _ in range(LETTERS):
            await busy.deliver(server, noted, number)
            await asyncio.sleep(PAUSE)
            await busy.read(server, noted, person)
            await asyncio.sleep(PAUSE)
        await busy.empty(server, noted, person)
        if time.monotonic() >= end:
            return


async def sampled(server: Loaded, seconds: float) -> list[float]:
    """MiB, at even intervals."""
    samples = []
    for _ in range(SAMPLES):
        await asyncio.sleep(seconds / SAMPLES)
        samples.append(server.look().memory)
    return samples


def tell(row: Row, samples: list[float], noise: float) -> None:
    settled = samples[round(len(samples) * WARMING) :]
    middle = statistics.mean(settled)
    slope = statistics.linear_regression(range(len(settled)), settled).slope
    row.add("memory, on average", middle, "MiB")
    row.add("memory, highest", max(settled), "MiB")
    growth = slope * len(settled)
    row.add("memory: growth by its slope", growth, "MiB", most=middle * GROWTH / 100 + noise)
