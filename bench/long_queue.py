"""What a long queue costs: the same work beside 1,000,000 recipients that wait as beside none, and beside a destination that is down.

python bench/long_queue.py [--dir DIRECTORY] [--recipients 1000000] [--down 100000] [--json FILE]

What is measured, in one process with the real database and the real worker, but with servers that answer at once:
    add      messages a second that are queued, each durable, 50 at a time
    deliver  messages a second that the worker claims and hands over, while it settles those before
    start    seconds from opening the database to the first delivery, and the memory that this took
Three times: with an empty queue; with `recipients` that wait for their next try, of messages with five recipients to 20,000
domains; and with `down` messages in addition that are due, for one destination that does not answer for half a second.
What is not: SMTP, the network, other servers that are slow.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import structlog
import uvloop

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

WORK = 3_000  # messages added and delivered
AT_ONCE = 50
DOMAINS = 20_000
PER_MESSAGE = 5
BATCH = 500  # messages of the backlog in one transaction
DOWN = "down.example"


@dataclass(frozen=True, slots=True)
class Row:
    queue: str
    waiting: int
    add: float
    deliver: float
    start: float
    memory: float  # MB


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

    async def fill(self, recipients: int, later: int) -> None:
        """Recipients whose next try is `later` from now."""
        number = 0
        while number < recipients:
            now = self.clock.now()
            batch = []
            for _ in range(BATCH):
                addresses = [
                    f"u{at}@d{at * 7919 % DOMAINS}.example" for at in range(number, number + PER_MESSAGE)
                ]
                batch.append((self.message(now), [self.recipient(now, address) for address in addresses]))
                number += PER_MESSAGE
            await self.db.bulk(_enqueue, batch, now + later)

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


async def measure(path: Path, name: str, *, recipients: int, down: int) -> Row:
    db = await Sqlite.open(path, now=SystemClock().now())
    post = Post(db)
    print(f"{name}: filling", file=sys.stderr, flush=True)
    await post.fill(recipients, 10 * HOUR)
    await db.close()  # with all that filling it left to be done
    db = post.db = await Sqlite.open(path, now=post.clock.now())
    added = await post.add(WORK)
    await post.break_down(down)
    await db.close()
    answers, memory, opened = Answers(), _memory(), time.perf_counter()
    answers.wanted = WORK
    db = await Sqlite.open(path, now=SystemClock().now())
    policy = Policy("mail.here.example", Schedule())
    worker = Worker(db, LocalBus(), post.clock, post.chance, answers, policy, grace=1.0)
    task = asyncio.ensure_future(worker.run())
    await answers.done.wait()
    seconds = time.perf_counter() - answers.first
    row = Row(name, recipients + down, added, WORK / seconds, answers.first - opened, _memory() - memory)
    worker.stop()
    await task
    await db.close()
    return row


def _memory() -> float:
    """The most that this process has had so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> int:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--dir", type=Path, help="where the databases are kept meanwhile")
    parser.add_argument("--recipients", type=int, default=1_000_000)
    parser.add_argument("--down", type=int, default=100_000)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    rows = []
    for name, recipients, down in (
        ("empty", 0, 0),
        ("one down", 0, given.down),
        ("long", given.recipients, 0),
    ):
        with tempfile.TemporaryDirectory(dir=given.dir, prefix="correo-bench-") as scratch:
            path = Path(scratch) / "correo.db"
            rows.append(uvloop.run(measure(path, name, recipients=recipients, down=down)))
            print(rows[-1], file=sys.stderr, flush=True)
    print(f"{'queue':<10} {'recipients':>10} {'add/s':>8} {'deliver/s':>10} {'start s':>8} {'memory MB':>10}")
    for row in rows:
        print(
            f"{row.queue:<10} {row.waiting:>10,} {row.add:>8,.0f} {row.deliver:>10,.0f} {row.start:>8.2f} {row.memory:>10.1f}"
        )
    if given.json:
        given.json.write_text(json.dumps([asdict(row) for row in rows], indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
