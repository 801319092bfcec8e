"""Thousands of connections that are idle, slow or hostile, and some people in their midst who are served as if they were alone."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.soak import busy
from tests.soak.serving import SECONDS, Loaded, possible, serving
from tests.soak.table import Row

WORK = 20  # deliveries and readings before anything is measured: caches fill
P99 = 5.0  # seconds, with a crowd that takes processor time, too
PER_CONNECTION = 100.0  # KiB of the server, TLS or not; what the kernel holds is not in it
LASTING = ("idle IMAP", "silent", "slow", "idle_imap")
ANSWERED = {
    "babbling: 421": "commands that are none: told 421 after limits.errors",
    "overlong: 500": "too long a line: told 500",
    "pushing: 421": "too many from one address: told 421",
    "garbage": "garbage in place of TLS: hung up on",
    "half open": "half open: let go",
}
LIMITS = 'login_time = "1h"\nsmtp_idle = "1h"\n'


async def run(folder: Path, *, connections: int, work: int, workers: int = 1) -> Row:
    row = Row(f"crowd, {workers} worker{'s' if workers > 1 else ''}")
    many = possible(connections)
    async with serving(folder, row, workers=workers, limits=LIMITS) as server:
        await busy.work(server, WORK)
        (await busy.work(server, work)).tell(row, "alone", p99=P99)
        before = server.look()
        async with crowd(server, many) as people:
            present = server.look()
            standing = sum(people.standing.values())
            row.add("connections that stand", present.connections - before.connections, least=many * 0.9)
            memory = (present.memory - before.memory) * 1024 / standing
            row.add("memory of a connection", memory, "KiB", most=PER_CONNECTION)
            (await busy.work(server, work)).tell(row, "beside the crowd", p99=P99)
            await people.has_met_limits()
            row.add("lasting connections at the end", sum(people.lasting().values()), least=many * 0.9)
            judge(row, people.told)
            said = len(server.log)
        left = await server.settled(before)
        row.exactly("descriptors left open", left.total(), 0)
        row.add("lines of the log", said)
    return row


def judge(row: Row, told: Counter[str]) -> None:
    """Whoever passed a limit heard of it in the words of RFC 5321 §4.2.1 and RFC 3463."""
    for kind, means in ANSWERED.items():
        row.add(means, count(told, kind), least=1)
    lost = [kind for kind in told if kind.partition(":")[0] in LASTING]
    row.exactly("idle, silent or slow, and hung up on", sum(told[kind] for kind in lost), 0)
    if row.broken:
        print("the crowd was told:", others(told), file=sys.stderr)


def count(told: Counter[str], kind: str) -> int:
    return sum(number for name, number in told.items() if name.startswith(kind))


def others(told: Counter[str]) -> str:
    """Everything that the crowd was told, for whoever wonders why a bound did not hold."""
    return ", ".join(f"{kind} {number:,}" for kind, number in sorted(told.items()))


class Crowd:
    """The process that the crowd is, and what it said last."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self.standing: Counter[str] = Counter()
        self.told: Counter[str] = Counter()

    def lasting(self) -> dict[str, int]:
        return {kind: number for kind, number in self.standing.items() if kind in LASTING}

    async def hear(self) -> None:
        assert self._process.stdout is not None
        async with asyncio.timeout(SECONDS * 5):
            line = await self._process.stdout.readline()
        assert line, "the crowd has ended"
        said: dict[str, Any] = json.loads(line)
        self.standing, self.told = Counter(said["standing"]), Counter(said["told"])

    async def has_met_limits(self) -> None:
        """Until every kind that passes a limit was told so, or has had time enough for it."""
        end = time.monotonic() + SECONDS
        await self.ask()
        while time.monotonic() < end and not all(count(self.told, kind) for kind in ANSWERED):
            await asyncio.sleep(0.2)
            await self.ask()

    async def ask(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(b"\n")
        await self.hear()


@asynccontextmanager
async def crowd(server: Loaded, count: int) -> AsyncIterator[Crowd]:
    """So many connections, all of them there; gone at the end."""
    doors = {
        "smtp": server.port("smtp"),
        "imap": server.port("imap"),
        "pop3": server.port("pop3"),
        "imaps": server.port("imap", "implicit"),
        "proxied": server.port("smtp", "none"),
    }
    words = (sys.executable, "-m", "tests.soak.crowd", json.dumps(doors), str(count))
    process = await asyncio.create_subprocess_exec(*words, stdin=PIPE, stdout=PIPE)
    people = Crowd(process)
    try:
        await people.hear()
        yield people
    finally:
        assert process.stdin is not None
        process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), SECONDS)
        except TimeoutError:
            process.kill()
            await process.wait()
