"""Whether a queue grows slower as it grows longer: adding, claiming and settling beside few and many recipients that wait."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Awaitable, Iterator, Sequence
from pathlib import Path

import uvloop
from population import add_waiting
from row import OURS, SHARE, Figure, Given, Goal, Row, scratch
from rows.long_queue import Post
from servers import Correo

from correo import queue
from correo.clock.system import SystemClock
from correo.mail.outcome import Delivered
from correo.mail.status import Status
from correo.queue import QueuedRecipient
from correo.queue.schedule import Schedule
from correo.storage.db.sqlite import Sqlite
from correo.transport.leases import LEASE
from correo.transport.settling import Policy, settle
from correo.transport.worker import MAX_CLAIM

SIZES = (1_000, 100_000, 1_000_000)
QUICK = (1_000, 5_000)
WORK, QUICK_WORK = 2_000, 200  # messages in one measurement
AT_ONCE = 50  # of them at the same time
SAMPLES = 5
POLICY = Policy("mail.bench.test", Schedule())
TAKEN = Delivered(Status(250, "2.0.0", "ok"), "mx.elsewhere.test")
NAMES = (
    "added, each durable, 50 at a time",
    f"claimed with its message, {MAX_CLAIM} at a time",
    "settled, 50 at a time",
)


async def sample(post: Post, work: int) -> tuple[float, float, float]:
    """Seconds of one message added, claimed and settled; leaves the queue as it was."""
    added = 1 / await post.add(work)
    began = time.perf_counter()
    claimed: list[QueuedRecipient] = []
    while some := await _claim(post):
        claimed += some
    taken = (time.perf_counter() - began) / len(claimed)
    if len(claimed) != work:
        raise RuntimeError(f"{len(claimed)} recipients were due, not {work}")
    began = time.perf_counter()
    await at_once(
        [post.db.write(settle, [(one, TAKEN)], POLICY, post.chance, post.clock.now()) for one in claimed]
    )
    return added, taken, (time.perf_counter() - began) / work


async def _claim(post: Post) -> list[QueuedRecipient]:
    now = post.clock.now()
    return await post.db.write(queue.claim, owner="bench", now=now, lease_until=now + LEASE, limit=MAX_CLAIM)


async def at_once(work: Sequence[Awaitable[object]]) -> None:
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(task: Awaitable[object]) -> None:
        async with gate:
            await task

    await asyncio.gather(*map(one, work))


class Place:
    """A queue of one length, with a server of its own."""

    def __init__(self, folder: Path, waiting: int) -> None:
        self.waiting = waiting
        self.server = Correo(folder)  # which makes the database
        self._database = folder / "data" / "correo.db"

    async def fill(self) -> None:
        db = await Sqlite.open(self._database, now=SystemClock().now())
        await add_waiting(db, self.waiting)
        await db.close()

    async def measure(self, work: int) -> tuple[float, float, float]:
        db = await Sqlite.open(self._database, now=SystemClock().now())
        times = await sample(Post(db), work)
        await db.close()
        return times

    def start(self) -> Figure:
        owner = self.server.folder.stat()
        for file in self.server.folder.rglob("*"):
            os.chown(file, owner.st_uid, owner.st_gid)
        began = time.perf_counter()
        self.server.start()
        seconds, memory = time.perf_counter() - began, self.server.memory()
        self.server.stop()
        return Figure(f"start with {self.waiting:,}", OURS, seconds * 1e3, "ms", memory=memory)


def one_round(given: Given, number: int) -> Iterator[Figure]:
    work = given.size(WORK, QUICK_WORK)
    with scratch(given) as folder:
        places = [Place(folder / str(size), size) for size in (QUICK if given.quick else SIZES)]
        for place in places:
            print(f"queue_growth: filling: {place.waiting:,} recipients", file=sys.stderr, flush=True)
            uvloop.run(place.fill())
            uvloop.run(place.measure(work))
        for _ in range(given.size(SAMPLES, 1)):
            all_times = [uvloop.run(place.measure(work)) for place in places]
            for at, name in enumerate(NAMES):
                for place, times in zip(places, all_times, strict=True):
                    yield Figure(f"{name}, beside {place.waiting:,}", OURS, times[at] * 1e3, "ms")
                    if place is not places[0]:
                        yield Figure(
                            f"{name}: pace kept beside {place.waiting:,}",
                            OURS,
                            all_times[0][at] / times[at],
                            SHARE,
                        )
            yield from (place.start() for place in places)


ROW = Row(
    "queue_growth",
    "adding to, claiming from and settling in a queue beside few and many recipients that wait",
    "With the real database and the functions that the server calls, in this process; and how long `correo serve` takes to be ready with that "
    "queue. What waits is of messages with five recipients to 20,000 domains, and is due hours later; what is added is for 100 others.",
    one_round,
    goals={f"{name}: pace kept beside {size:,}": Goal(least=0.8) for name in NAMES for size in SIZES[1:]},
    rounds=1,
)
