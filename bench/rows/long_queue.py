"""What a long queue costs the worker, and one of a destination that is down."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import structlog
import uvloop
from population import add_waiting
from processes import own_memory
from row import OURS, Figure, Given, Row, scratch

from correo import queue
from correo.clock.system import SystemChance, SystemClock
from correo.mail.address import Address
from correo.mail.instant import DAY, HOUR
from correo.mail.outcome import Deferred, Delivered, Outcome
from correo.mail.status import Status
from correo.queue import NewRecipient, QueuedMessage
from correo.queue.schedule import Schedule
from correo.storage.bus.local import LocalBus
from correo.storage.db import Tx
from correo.storage.db.sqlite import Sqlite
from correo.transport import Outgoing
from correo.transport.settling import Policy
from correo.transport.worker import Worker

WORK, QUICK_WORK = 3_000, 300  # messages added and delivered
WAITING, QUICK_WAITING = 1_000_000, 2_000  # recipients whose next try is hours from now
READY, QUICK_READY = 100_000, 1_000  # messages that are due, to one destination that does not answer
AT_ONCE = 50
BATCH = 500  # messages of the backlog in one transaction
DOWN = "down.example"


class Answers:
    """A transport to servers that take everything at once, but for one that is down."""

    def __init__(self) -> None:
        self.first = 0.0
        self.count = 0
        self.tried = 0  # deliveries to the one that is down
        self.wanted = 0
        self.done = asyncio.Event()

    def lane(self, destination: str) -> str:
        return destination

    async def deliver(self, message: Outgoing, recipients: Sequence[Address]) -> list[Outcome]:
        if recipients[0].host == DOWN:
            self.tried += 1
            await asyncio.sleep(0.5)
            return [Deferred(Status(451, "4.4.1", "no answer"), unreachable=True)] * len(recipients)
        self.first = self.first or time.perf_counter()
        self.count += len(recipients)
        if self.count >= self.wanted:
            self.done.set()
        return [Delivered(Status(250, "2.0.0", "ok"), "mx")] * len(recipients)

    async def close(self) -> None:
        pass


class Post:
    def __init__(self, db: Sqlite) -> None:
        self.db = db
        self.clock = SystemClock()
        self.chance = SystemChance()

    def message(self, now: int) -> QueuedMessage:
        id = self.chance.id(now)
        return QueuedMessage(
            id, "ana@here.example", id, 0, 2_000, "7BIT", False, 0, now, now + 5 * DAY, now + 4 * HOUR
        )

    def recipient(self, now: int, address: str) -> NewRecipient:
        return NewRecipient(self.chance.id(now), address, address, address.rpartition("@")[2])

    async def break_down(self, count: int) -> None:
        for start in range(0, count, BATCH):
            now = self.clock.now()
            batch = [
                (self.message(now), [self.recipient(now, f"u{at}@{DOWN}")])
                for at in range(start, start + BATCH)
            ]
            await self.db.bulk(_enqueue, batch, now)

    async def add(self, count: int) -> float:
        """Messages a second."""
        gate = asyncio.Semaphore(AT_ONCE)

        async def one(number: int) -> None:
            async with gate:
                now = self.clock.now()
                to = [self.recipient(now, f"w{number}@work{number % 100}.example")]
                await self.db.write(queue.enqueue, self.message(now), to, now)

        began = time.perf_counter()
        await asyncio.gather(*(one(number) for number in range(count)))
        return count / (time.perf_counter() - began)


async def _enqueue(tx: Tx, batch: Sequence[tuple[QueuedMessage, Sequence[NewRecipient]]], due: int) -> None:
    for message, recipients in batch:
        await queue.enqueue(tx, message, recipients, due)


async def measure(path: Path, name: str, *, recipients: int, down: int, work: int) -> list[Figure]:
    db = await Sqlite.open(path, now=SystemClock().now())
    print(f"long_queue: {name}: filling", file=sys.stderr, flush=True)
    await add_waiting(db, recipients)
    await db.close()  # with all that filling it left to be done
    db = await Sqlite.open(path, now=SystemClock().now())
    post = Post(db)
    added = await post.add(work)
    await post.break_down(down)
    await db.close()
    answers, memory, opened = Answers(), own_memory(), time.perf_counter()
    answers.wanted = work
    db = await Sqlite.open(path, now=SystemClock().now())
    policy = Policy("mail.here.example", Schedule())
    worker = Worker(db, LocalBus(), post.clock, post.chance, answers, policy, grace=1.0)
    task = asyncio.ensure_future(worker.run())
    await answers.done.wait()
    seconds = time.perf_counter() - answers.first
    taken = own_memory() - memory
    worker.stop()
    await task
    await db.close()
    return [
        Figure(f"added, {name}", OURS, added, "messages/s"),
        Figure(f"handed over, {name}", OURS, work / seconds, "messages/s", memory=taken),
        Figure(f"from opening the database to the first, {name}", OURS, (answers.first - opened) * 1e3, "ms"),
    ]


def one_round(given: Given, number: int) -> Iterator[Figure]:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    waiting, ready, work = (
        given.size(WAITING, QUICK_WAITING),
        given.size(READY, QUICK_READY),
        given.size(WORK, QUICK_WORK),
    )
    cases = (
        ("nothing else waits", 0, 0),
        (f"{ready:,} are due for one that is down", 0, ready),
        (f"{waiting:,} wait", waiting, 0),
    )
    for name, recipients, down in cases:
        with scratch(given) as folder:
            yield from uvloop.run(
                measure(folder / "correo.db", name, recipients=recipients, down=down, work=work)
            )


ROW = Row(
    "long_queue",
    "the worker beside a million recipients that wait, and beside a destination that is down",
    "In this process, with the real database and the real worker, but with servers that take everything at once: messages added to the queue, each "
    "durable, 50 at a time; and handed over by the worker, which settles those before meanwhile. Memory is what that took. The one that is down "
    "does not answer for half a second. Not measured: SMTP, the network, servers that are slow.",
    one_round,
    rounds=1,
)
