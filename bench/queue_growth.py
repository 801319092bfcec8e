"""Whether a queue grows slower as it grows longer: adding, claiming and settling beside 1,000, 100,000 and 1,000,000 recipients that wait.

python bench/queue_growth.py [--dir DIRECTORY] [--sizes 1000 100000 1000000] [--quick] [--markdown FILE] [--json FILE]

What is measured, with the real database and the functions that the server calls:
    add      microseconds for a message with one recipient that is queued, each durable, 50 at a time
    claim    microseconds for a recipient that is claimed with its message, 200 at a time
    settle   microseconds for one that the next server has taken, with its line in the ledger, 50 at a time
    start    seconds from the start of `correo serve` with that queue to when it is ready
    memory   megabytes that it has then
The queues take turns, five times; the table has medians, and behind them how they compare with the shortest queue. What waits is
of messages with five recipients to 20,000 domains, and is due hours later; what is added, claimed and settled is for 100 others.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from pathlib import Path

import uvloop
from long_queue import Post
from report import add_outputs, markdown, publish
from servers import Correo

from correo import queue
from correo.clock.system import SystemClock
from correo.mail.instant import HOUR
from correo.mail.outcome import Delivered
from correo.mail.status import Status
from correo.queue import QueuedRecipient
from correo.queue.schedule import Schedule
from correo.storage.db.sqlite import Sqlite
from correo.transport.settling import Policy, settle
from correo.transport.worker import LEASE, MAX_CLAIM

SIZES = (1_000, 100_000, 1_000_000)
QUICK = (1_000, 20_000)
WORK = 2_000  # messages in one measurement
AT_ONCE = 50  # of them at the same time
SAMPLES = 5
MICRO = 1e6
POLICY = Policy("mail.bench.test", Schedule())
TAKEN = Delivered(Status(250, "2.0.0", "ok"), "mx.elsewhere.test")


@dataclass(frozen=True, slots=True)
class Row:
    waiting: int
    add: float  # µs, as claim and settle
    claim: float
    settle: float
    start: float  # seconds
    memory: float  # MB


async def sample(post: Post) -> tuple[float, float, float]:
    """Seconds of one message added, claimed and settled; leaves the queue as it was."""
    added = 1 / await post.add(WORK)
    began = time.perf_counter()
    claimed: list[QueuedRecipient] = []
    while some := await _claim(post):
        claimed += some
    taken = (time.perf_counter() - began) / len(claimed)
    if len(claimed) != WORK:
        raise RuntimeError(f"{len(claimed)} recipients were due, not {WORK}")
    began = time.perf_counter()
    await at_once(
        [post.db.write(settle, [(one, TAKEN)], POLICY, post.chance, post.clock.now()) for one in claimed]
    )
    return added, taken, (time.perf_counter() - began) / WORK


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
        self._folder = folder
        self._server = Correo(folder)  # which makes the database
        self._database = folder / "data" / "correo.db"
        self._times: list[tuple[float, float, float]] = []
        self._starts: list[tuple[float, float]] = []

    async def fill(self) -> None:
        db = await Sqlite.open(self._database, now=SystemClock().now())
        await Post(db).fill(self.waiting, 10 * HOUR)
        await db.close()

    async def measure(self, *, warm: bool = False) -> None:
        db = await Sqlite.open(self._database, now=SystemClock().now())
        times = await sample(Post(db))
        await db.close()
        if not warm:
            self._times.append(times)

    def start(self) -> None:
        owner = self._folder.stat()
        for file in self._folder.rglob("*"):
            os.chown(file, owner.st_uid, owner.st_gid)
        began = time.perf_counter()
        self._server.start()
        self._starts.append((time.perf_counter() - began, self._server.memory()))
        self._server.stop()

    @property
    def row(self) -> Row:
        add, claim, settled = (statistics.median(values) * MICRO for values in zip(*self._times, strict=True))
        seconds, memory = map(statistics.median, zip(*self._starts, strict=True))
        return Row(self.waiting, add, claim, settled, seconds, memory)


def grow(sizes: Sequence[int], directory: Path | None) -> list[Row]:
    with tempfile.TemporaryDirectory(dir=directory, prefix="correo-bench-") as scratch:
        os.chmod(scratch, 0o755)  # the server is not root
        places = [Place(Path(scratch) / str(size), size) for size in sizes]
        for place in places:
            print(f"filling: {place.waiting:,} recipients", file=sys.stderr, flush=True)
            uvloop.run(place.fill())
            uvloop.run(place.measure(warm=True))
        for number in range(SAMPLES):
            print(f"round {number + 1} of {SAMPLES}", file=sys.stderr, flush=True)
            for place in places:
                uvloop.run(place.measure())
            for place in places:
                place.start()
        return [place.row for place in places]


def table(rows: Sequence[Row]) -> str:
    """In Markdown."""
    first = rows[0]
    columns = (("add", "µs"), ("claim", "µs"), ("settle", "µs"), ("start", "s"), ("memory", "MB"))
    lines = [
        ["waiting", *(f"{name}, {unit}" for name, unit in columns)],
        ["---:", *("---:" for _ in columns)],
    ]
    for row in rows:
        cells = [f"{row.waiting:,}"]
        for name, _ in columns:
            value = getattr(row, name)
            cells.append(f"{value:,.{2 if name == 'start' else 0}f} ({value / getattr(first, name):.2f})")
        lines.append(cells)
    return markdown(lines, str.rjust)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--dir", type=Path, help="where the database is kept meanwhile")
    parser.add_argument(
        "--sizes", type=int, nargs="+", default=SIZES, help="recipients that wait, from few to many"
    )
    parser.add_argument("--quick", action="store_true", help="short queues: to try something out")
    add_outputs(parser)
    given = parser.parse_args(arguments)
    rows = grow(QUICK if given.quick else given.sizes, given.dir)
    text = f"{os.cpu_count()} cores; in brackets what it is of the first line.\n\n{table(rows)}\n"
    publish(text, rows, given)
    return 0


if __name__ == "__main__":
    sys.exit(main())
