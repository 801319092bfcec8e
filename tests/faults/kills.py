"""The server under load, ended in one way or another at moments that a seed decides, and started again."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from tests.faults.books import Broken
from tests.faults.server import Server
from tests.faults.verdict import Found, examine, judge, settle
from tests.faults.world import World, world_at

BETWEEN = (0.3, 3.0)  # seconds from being ready to the next misfortune
EXAMINED = 5  # starts, after which the books are gone over
SETTLING = 600.0  # seconds in which all that was left waiting is sent
WAYS = {"all killed": 5, "one killed": 4, "stopped": 2, "replaced": 2}  # with their weights
OF_SEVERAL = ("one killed", "replaced")  # workers
EXPECTED = {"a worker ended and is replaced", "workers are being replaced already, or did not begin to serve"}


@dataclass(slots=True)
class Outcome:
    seed: int
    workers: int
    seconds: float = 0.0
    ways: Counter[str] = field(default_factory=Counter)
    answers: Counter[str] = field(default_factory=Counter)
    promised: int = 0
    recipients: int = 0
    unanswered: int = 0
    found: Found | None = None
    longest_start: float = 0.0


async def run(
    folder: Path, seed: int, workers: int, *, seconds: float = 0.0, ways: Sequence[str] = ()
) -> Outcome:
    """These `ways`, one after the other, and then any until so many seconds have gone by. Raises Broken."""
    outcome = Outcome(seed, workers)
    began = time.monotonic()
    async with world_at(folder, seed, workers=workers) as world:
        await world.server.start()
        world.begin()
        dice, coming = world.books.dice, deque(ways)
        while coming or time.monotonic() - began < seconds:
            await asyncio.sleep(dice.uniform(*BETWEEN))
            way = coming.popleft() if coming else some_way(dice, workers)
            outcome.ways[way] += 1
            await misfortune(world, way)
            if outcome.ways.total() % EXAMINED == 0:
                await examine(world.database, world.books)
        outcome.seconds = time.monotonic() - began
        await world.rest()
        await settle(world, SETTLING)
        outcome.found = await judge(world.database, world.books)
        quiet(world.server, EXPECTED)
        _sum_up(world, outcome)
    return outcome


def some_way(dice: Random, workers: int) -> str:
    ways = [way for way in WAYS if workers > 1 or way not in OF_SEVERAL]
    return dice.choices(ways, [WAYS[way] for way in ways])[0]


async def misfortune(world: World, way: str) -> None:
    server, books = world.server, world.books
    match way:
        case "all killed":
            await server.kill()
            books.trouble()
            await server.start()
        case "one killed":
            os.kill(books.dice.choice(server.children), signal.SIGKILL)
            books.trouble()
        case "replaced":
            began = time.monotonic()
            await server.renew()
            books.trouble(time.monotonic() - began)
        case _:
            began = time.monotonic()
            await server.stop()
            books.trouble(time.monotonic() - began)
            await server.start()


def quiet(server: Server, expected: set[str]) -> None:
    """Nothing went wrong inside but what had to."""
    if unexpected := {event: n for event, n in server.faults().items() if event not in expected}:
        raise Broken(f"quiet: the log tells of {unexpected}")


def _sum_up(world: World, outcome: Outcome) -> None:
    books = world.books
    outcome.answers = books.answers
    outcome.promised = len(books.promised)
    outcome.recipients = sum(len(letter.recipients) for letter in books.promised)
    outcome.unanswered = len(books.letters) - len(books.promised) - len(books.refused) - len(books.appended)
    outcome.longest_start = max(world.server.starts)
