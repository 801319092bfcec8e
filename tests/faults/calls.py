"""Errors of system calls, injected by strace into the server while it works, and only for the files that are named.

While they last nothing is promised that is not kept, what cannot be done is refused for now and not for good, and the server stays.
Once they are over it goes on by itself.
"""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
import time
from asyncio.subprocess import Process
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from itertools import islice
from pathlib import Path

from tests.faults.books import Books, Broken
from tests.faults.kills import SETTLING, quiet
from tests.faults.verdict import Found, examine, judge, settle
from tests.faults.world import World, world_at

ATTACHING = 60.0  # seconds
LEAVING = 15.0  # seconds that strace has to let go
RECOVERING = 60.0  # seconds in which the next promise is given after the errors have ended
INJECTED = "(INJECTED)"
EX_TEMPFAIL = 75  # sysexits(3)
# What the log may say of it.
SUFFERED = {
    *(
        "refused",
        "not taken",
        "settling failed",
        "claiming failed",
        "delivery failed",
        "authentication impossible",
    ),
    *("renewing leases failed", "giving back leases failed"),
}

DATABASE, LOG, SHARED = "data/correo.db", "data/correo.db-wal", "data/correo.db-shm"
LOCKS = "data/correo.db-lock"
HOLDS = "data/holds"


@dataclass(frozen=True, slots=True)
class Fault:
    """`when` in strace's words: 1+ is always, 3+5 is each fifth from the third on."""

    name: str
    calls: str
    error: str
    files: tuple[str, ...]  # (): any
    when: str = "1+"
    refuses: bool = False  # no message can be taken meanwhile
    killed: bool = False  # and the process is killed before it is over
    longer: bool = False  # of no other kind than those before it: not for every run of the tests
    heavy: bool = False  # needs a checkpoint, and so the mail that fills the log


FAULTS = (
    Fault("the disk is full", "pwrite64,write", "error=ENOSPC", (LOG, DATABASE), refuses=True),
    Fault(
        "the disk is full now and then",
        "pwrite64,write",
        "error=ENOSPC",
        (LOG, DATABASE),
        when="5+7",
        longer=True,
    ),
    Fault("nothing of a write is written", "pwrite64", "retval=0", (LOG,), when="3+5"),
    Fault("a write fails", "pwrite64", "error=EIO", (LOG, DATABASE), when="4+9"),
    Fault("each sync fails", "fsync,fdatasync", "error=EIO", (LOG, DATABASE), refuses=True),
    Fault(
        "a sync fails now and then", "fsync,fdatasync", "error=EIO", (LOG, DATABASE), when="2+3", longer=True
    ),
    Fault(
        "each sync fails, then a kill",
        "fsync,fdatasync",
        "error=EIO",
        (LOG, DATABASE),
        refuses=True,
        killed=True,
    ),
    Fault("no sync of the main file", "fsync,fdatasync", "error=EIO", (DATABASE,), heavy=True),
    Fault("a sync reports a full disk", "fsync,fdatasync", "error=ENOSPC", (LOG,), when="2+3", longer=True),
    Fault("a read fails", "pread64", "error=EIO", (LOG, DATABASE), when="3+4"),
    Fault(
        "no file can be cut or made larger", "ftruncate,fallocate", "error=ENOSPC", (LOG, DATABASE, SHARED)
    ),
    Fault("no descriptor for connections", "accept4,accept", "error=EMFILE", ()),
    Fault(
        "the file system turns read-only",
        "pwrite64,ftruncate,fsync,fdatasync",
        "error=EROFS",
        (LOG, DATABASE),
        refuses=True,
    ),
)


# Met as the server starts.
OPENINGS = (
    Fault("no room for the log", "openat", "error=ENOSPC", (LOG,)),
    Fault("no room for the shared memory", "pwrite64,ftruncate", "error=ENOSPC", (SHARED,)),
    Fault("no memory for the shared memory", "mmap", "error=ENOMEM", (SHARED,)),
    Fault("the database cannot be read", "pread64", "error=EIO", (DATABASE,)),
    Fault("no descriptor for the log", "openat", "error=EMFILE", (LOG,)),
    Fault("no room for the locks", "openat", "error=ENOSPC", (LOCKS,)),
    Fault("no thread at all", "clone3,clone", "error=ENOMEM", ()),
    Fault("threads for a part of the server", "clone3,clone", "error=EAGAIN", (), when="6+"),
)
# Met as one of several workers starts.
SHARED_OPENINGS = (
    Fault("the disk is read-only", "openat", "error=EROFS", (HOLDS,)),
    Fault("no thread for a worker", "clone3,clone", "error=ENOMEM", ()),
)


@dataclass(slots=True)
class Told:
    """What one fault did."""

    fault: Fault
    injected: int = 0
    promised: int = 0  # while it lasted
    refused: int = 0
    answers: Counter[str] = field(default_factory=Counter)  # refusals, by their words
    recovered: float = 0.0  # seconds after its end until something was promised again
    ended: bool = False  # the server did, by itself


@dataclass(slots=True)
class Outcome:
    seed: int
    workers: int
    told: list[Told] = field(default_factory=list)
    promised: int = 0
    faults: Counter[str] = field(default_factory=Counter)  # what the log says
    found: Found | None = None


@cache
def reason_against() -> str:
    """Why nothing can be injected here; "" where it can."""
    if shutil.which("strace") is None:
        return "strace is not installed (make test-deps)"
    sleeper = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        tried = ["strace", "-qq", "-o", "/dev/null", "-e", "inject=fsync:error=EIO", "-p", str(sleeper.pid)]
        tracer = subprocess.Popen(tried, stderr=subprocess.PIPE)
        end = time.monotonic() + ATTACHING
        while tracer.poll() is None and not _traced(sleeper.pid) and time.monotonic() < end:
            time.sleep(0.01)
        works = _traced(sleeper.pid)
        tracer.terminate()
        words = tracer.communicate()[1].decode(errors="replace").strip()
    finally:
        sleeper.communicate(b"\n")
    return "" if works else f"strace may not trace here: {words}"


def _traced(pid: int) -> bool:
    """Whether all threads of the process are."""
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        return all("TracerPid:\t0\n" not in (task / "status").read_text() for task in tasks)
    except FileNotFoundError:
        return False


def injection(fault: Fault, folder: Path, output: Path) -> list[str]:
    paths = [word for name in fault.files for word in ("-P", str(folder / name))]
    inject = f"inject={fault.calls}:{fault.error}:when={fault.when}"
    return ["strace", "-f", "-qq", "-o", str(output), "-e", f"trace={fault.calls}", "-e", inject, *paths]


@asynccontextmanager
async def injected(fault: Fault, world: World, told: Told, output: Path) -> AsyncIterator[None]:
    """While this lasts the calls of all processes of the server fail."""
    pids = world.server.pids
    command = [*injection(fault, world.folder, output), *(f"-p{pid}" for pid in pids)]
    tracer = await asyncio.create_subprocess_exec(*command)
    try:
        await until(lambda: all(map(_traced, pids)), ATTACHING, f"strace is not there for {fault.name!r}")
        yield
    finally:
        await _end(tracer)
        told.injected = output.read_text(errors="replace").count(INJECTED)


async def _end(tracer: Process) -> None:
    if tracer.returncode is None:
        tracer.terminate()
    try:
        await asyncio.wait_for(tracer.wait(), LEAVING)
    except TimeoutError:
        tracer.kill()
        await tracer.wait()


async def run(
    folder: Path, seed: int, workers: int, *, seconds: float, faults: tuple[Fault, ...] = FAULTS
) -> Outcome:
    """One fault after the other under load, each for so many seconds. Raises Broken."""
    outcome = Outcome(seed, workers)
    async with world_at(folder, seed, workers=workers) as world:
        await world.server.start()
        world.begin()
        await promised_again(world, "the start")
        for fault in faults:
            told = Told(fault)
            outcome.told.append(told)
            await _suffer(world, told, seconds)
            await examine(world.database, world.books)
            if fault.refuses and told.promised:
                raise Broken(f"{fault.name}: {told.promised} were promised")
        await world.rest()
        await settle(world, SETTLING)
        outcome.found = await judge(world.database, world.books)
        outcome.promised = len(world.books.promised)
        outcome.faults = world.server.faults()
        quiet(world.server, SUFFERED)
    return outcome


async def _suffer(world: World, told: Told, seconds: float) -> None:
    books, server = world.books, world.server
    began = time.monotonic()
    output = world.folder / "strace"
    async with injected(told.fault, world, told, output):
        before, answers = len(books.letters), Counter(books.answers)
        loads = [asyncio.ensure_future(heavy.visit()) for heavy in world.heavy] if told.fault.heavy else []
        await asyncio.gather(asyncio.sleep(seconds), *loads, return_exceptions=True)
        await until(lambda: _met(output), ATTACHING, f"nothing met {told.fault.name!r}")
        if told.fault.refuses:
            late = f"nothing is refused in spite of {told.fault.name!r}"
            await until(lambda: any(id in books.refused for id in _after(books, before)), ATTACHING, late)
        if told.fault.killed:
            server.strike()
        begun = _after(books, before)
        told.promised = sum(letter.id in begun for letter in books.promised)
        told.refused = len(books.refused & begun)
        told.answers = Counter({word: n for word, n in (books.answers - answers).items() if " " in word})
    if told.fault.killed:
        await server.process.wait()  # who is traced is only gone when the tracer is
    told.ended = not told.fault.killed and server.process.returncode is not None
    books.trouble(time.monotonic() - began)
    if told.fault.killed or told.ended:
        await server.start()
    told.recovered = await promised_again(world, told.fault.name)


def _met(output: Path) -> bool:
    return INJECTED in output.read_text(errors="replace")


def _after(books: Books, count: int) -> set[str]:
    """Letters that were begun when there were so many already."""
    return {*islice(books.letters, count, None)}


async def open_with(world: World, fault: Fault) -> int:
    """How a server ends that meets the fault as it starts: by itself, soon, and without a word that only programmers read."""
    output = world.folder / "strace"
    before = world.server.log.stat().st_size if world.server.log.exists() else 0
    await world.server.begin(*injection(fault, world.folder, output))
    try:
        code = await asyncio.wait_for(world.server.process.wait(), ATTACHING)
    except TimeoutError:
        await world.server.kill()
        raise Broken(f"{fault.name}: the server neither starts nor ends") from None
    said = world.server.log.read_text(errors="replace")[before:]
    if not _met(output) or code == 0 or "Traceback" in said or not said:
        raise Broken(f"{fault.name}: the server ended with {code}: {said}")
    return code


async def promised_again(world: World, after: str) -> float:
    """Seconds until the next message is taken."""
    began, before = time.monotonic(), len(world.books.promised)
    await until(lambda: len(world.books.promised) > before, RECOVERING, f"nothing is taken after {after!r}")
    return time.monotonic() - began


async def until(condition: Callable[[], bool], seconds: float, otherwise: str) -> None:
    try:
        async with asyncio.timeout(seconds):
            while not condition():
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise Broken(otherwise) from None
