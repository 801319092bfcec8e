"""A disk that is really full, and then read-only: a small file system of memory, mounted where nobody else sees it.

Runs in a mount namespace of its own, harness and all: `in_a_namespace` starts it there, which only root may.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
from pathlib import Path

import msgspec
from tests.faults.books import Broken
from tests.faults.calls import promised_again, until
from tests.faults.kills import SETTLING
from tests.faults.verdict import examine, judge, settle
from tests.faults.world import World, world_at

SIZE = "48m"
LARGEST = 100_000  # octets of a message
BLOCK = bytes(64 * 1024)
FILLING = 60.0  # seconds in which the server notices
REFUSALS = 10  # that are waited for
_NAMESPACE = ("unshare", "--mount", "--propagation", "private")


class Outcome(msgspec.Struct):
    seed: int
    promised: int = 0
    refused: int = 0
    answers: dict[str, int] = {}
    started_when_full: bool = False
    read_only: int = 0  # exit status of a start on a file system that cannot be written
    ends: dict[str, int] = {}


def reason_against() -> str:
    """Why there is no such disk here; "" where there is."""
    if os.geteuid() != 0:
        return "only root may mount"
    script = 'mount -t tmpfs -o size=64k none "$1" && mount -o remount,ro "$1"'
    try:
        tried = [*_NAMESPACE, "sh", "-c", script, "sh", "/mnt"]
        done = subprocess.run(tried, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"there is no mount namespace here: {error}"
    return "" if done.returncode == 0 else f"there is no mount namespace here: {done.stderr.strip()}"


def in_a_namespace(folder: Path, seed: int, workers: int, seconds: float) -> Outcome:
    """Raises Broken."""
    words = [str(folder), str(seed), str(workers), str(seconds)]
    done = subprocess.run(
        [*_NAMESPACE, sys.executable, "-m", "tests.faults.disks", *words],
        capture_output=True,
        text=True,
        timeout=300 + 4 * seconds,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    if done.returncode != 0:
        raise Broken(done.stderr.strip().rpartition("\n")[2] or f"ended with {done.returncode}")
    return msgspec.json.decode(done.stdout, type=Outcome)


async def run(folder: Path, seed: int, workers: int, seconds: float) -> Outcome:
    """In the namespace. Raises Broken."""
    outcome = Outcome(seed)
    data = folder / "data"
    data.mkdir()
    _mount("-t", "tmpfs", "-o", f"size={SIZE},mode=700", "none", data)
    async with world_at(folder, seed, workers=workers, largest=LARGEST) as world:
        server = world.server
        await server.start()
        world.begin()
        await promised_again(world, "the start")
        ballast = await _full(world, seconds)
        await server.kill()  # with a log that could not be written to its end
        world.books.trouble(seconds)
        outcome.started_when_full = await _starts(world)
        ballast.unlink()
        if not outcome.started_when_full:
            await server.start()
        await promised_again(world, "there is room again")
        await examine(world.database, world.books)
        await world.rest()
        await server.stop()
        _mount("-o", "remount,ro", data)
        outcome.read_only = await _ends(world)
        _mount("-o", "remount,rw", data)
        await server.start()
        await settle(world, SETTLING)
        outcome.ends = dict((await judge(world.database, world.books)).ends)
        outcome.promised, outcome.refused = len(world.books.promised), len(world.books.refused)
        outcome.answers = {words: n for words, n in world.books.answers.items() if " " in words}
    return outcome


async def _full(world: World, seconds: float) -> Path:
    """Fill the disk to the last octet, and keep it so for a while: all that comes is refused for now, and nobody falls over."""
    ballast, books = world.folder / "data" / "ballast", world.books
    refused = len(books.refused)
    with ballast.open("wb", buffering=0) as file:
        end = asyncio.get_running_loop().time() + seconds
        while asyncio.get_running_loop().time() < end or len(books.refused) < refused + REFUSALS:
            with contextlib.suppress(OSError):  # it is full
                while file.write(BLOCK):
                    pass
            await asyncio.sleep(0.01)
            if asyncio.get_running_loop().time() > end + FILLING:
                raise Broken("the disk is full, and nothing is refused")
    if world.server.process.returncode is not None:
        raise Broken(f"the server ended: {world.server.last_words()}")
    return ballast


async def _starts(world: World) -> bool:
    """Whether the server starts; where it does not, it says so and ends."""
    await world.server.begin()
    process = world.server.process
    await until(
        lambda: world.server.ready or process.returncode is not None, FILLING, "it neither starts nor ends"
    )
    return process.returncode is None


async def _ends(world: World) -> int:
    if await _starts(world):
        raise Broken("the server starts where it cannot write")
    if "Traceback" in (words := world.server.last_words()):
        raise Broken(words)
    return await world.server.process.wait()


def _mount(*words: str | Path) -> None:
    subprocess.run(["mount", *words], check=True, capture_output=True)


def main() -> None:
    folder, seed, workers, seconds = sys.argv[1:]
    outcome = asyncio.run(run(Path(folder), int(seed), int(workers), float(seconds)))
    print(msgspec.json.encode(outcome).decode())


if __name__ == "__main__":
    main()
