"""One server, one client who means no good, and others who want to be served meanwhile.

`attack` plays what the client sends against a session of one listener and holds the server to its promises: no session ever fails, a
session ends or waits, it keeps no more octets than its limits say, memory is given back, everybody else is still answered, and the books
are in order afterwards.
"""

from __future__ import annotations

import asyncio
import os
import signal
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from tests.journeys.client import Dialog, Imap, Pop3, Smtp, settle_down
from tests.journeys.server import Server
from tests.journeys.town import Town

from correo.clock.virtual import run
from correo.net import Session
from correo.net.memory import MemoryStream

FUZZ = max(1, int(os.environ.get("CORREO_FUZZ", "0")))
LONGEST_DELAY = 60  # seconds of the clock of the town
REAL_SECONDS = 20  # in which any attack is over, unless the server has stopped answering anybody
ALICE, BOB = "alice@example.org", "bob@example.org"
KINDS = ("mx", "submission", "lmtp", "pop3", "imap")

# Octets that a core may hold after it has been pulled dry, besides one piece that came in: a command line; for SMTP the
# piece of a message that is being gathered (the rest of it counts against the budget); for IMAP a command with its literals and
# what was sent ahead of the answer.
KEPT = {"mx": 70_000, "submission": 70_000, "lmtp": 70_000, "pop3": 16_384, "imap": 400_000}
APPEND = 1 << 20  # what the listener of the town takes in one APPEND, once somebody has logged in


def examples(number: int) -> int:
    """`number` of them, or as many times more as CORREO_FUZZ says."""
    return number * FUZZ


class Watched(Server):
    """Remembers its last session."""

    last: Session

    def session(self, kind: str, stream: MemoryStream) -> Session:
        self.last = super().session(kind, stream)
        return self.last


def attack(kind: str, pieces: Sequence[bytes], *, hang_up: bool = True) -> None:
    """A client connects to a listener of `kind` and sends `pieces`, whatever he hears. Raises AssertionError."""
    with limited():
        assault(kind, pieces, hang_up=hang_up)


def assault(kind: str, pieces: Sequence[bytes], *, hang_up: bool = True) -> None:
    """The same for those who look at the time themselves."""
    with tempfile.TemporaryDirectory(prefix="correo-fuzz-", dir=_memory()) as folder:
        run(_attack(kind, pieces, hang_up, Path(folder)))


async def _attack(kind: str, pieces: Sequence[bytes], hang_up: bool, folder: Path) -> None:
    town = Town(folder)
    server = await town.server("mail.example.org", "example.org", "alice", "bob", make=Watched)
    assert isinstance(server, Watched)
    await server.alias("team@example.org", ALICE, BOB)
    witnesses = [await server.smtp(), await server.pop3(BOB), await server.imap(BOB)]
    near = await server.dial(kind)
    await settle_down()
    session = server.last
    hearing = asyncio.ensure_future(_hear(near))
    limit = KEPT[kind] + max(map(len, pieces), default=0) + (APPEND if kind == "imap" else 0)
    for piece in pieces:
        near.write(piece)
        await settle_down()
        kept = octets_in(session.core)
        assert kept <= limit, f"the core keeps {kept} octets"
    for witness in witnesses:
        await _answers(witness)
    if hang_up:
        await near.close()
    await asyncio.wait_for(hearing, 10_000)  # either side gives up in less than three hours of silence
    for witness in witnesses:
        await witness.close()
    await settle_down()
    for _ in range(
        LONGEST_DELAY
    ):  # a session that has been told a wrong password answers late, and hears of nothing before that
        if server.connections:
            await asyncio.sleep(1)
    assert not server.connections, "a session goes on after its client has gone"
    assert not server.locks.held, "a maildrop stays locked"
    await town.close()


async def _hear(near: MemoryStream) -> None:
    """Take whatever the server says, until it hangs up."""
    try:
        while await near.read(None):
            pass
    except OSError:
        pass


async def _answers(witness: Dialog) -> None:
    match witness:
        case Smtp():
            assert (await witness.ask("NOOP")).code == 250
        case Pop3() | Imap():
            await witness.ask("NOOP")
        case _:
            raise AssertionError("nobody else is here")


def octets_in(thing: object) -> int:
    """All octets that are reachable from a core: in its buffers, its output, and what it holds in parts."""
    return _octets(thing, set())


def _octets(thing: Any, seen: set[int]) -> int:
    if isinstance(thing, bytes | bytearray | str):
        return len(thing)
    if id(thing) in seen:
        return 0
    seen.add(id(thing))
    if isinstance(thing, dict):
        return _all(thing.values(), seen)
    if isinstance(thing, Iterable) and not isinstance(thing, Iterator):
        return _all(thing, seen)
    if not type(thing).__module__.startswith("correo.") or callable(thing):
        return 0
    slots = [name for cls in type(thing).__mro__ for name in getattr(cls, "__slots__", ())]
    held = [getattr(thing, name) for name in slots if hasattr(thing, name)]
    return _all([*held, *getattr(thing, "__dict__", {}).values()], seen)


def _all(things: Iterable[object], seen: set[int]) -> int:
    return sum(_octets(thing, seen) for thing in things)


@contextmanager
def limited() -> Iterator[None]:
    """Nobody is to turn in circles for ever: no timer of the loop could end that."""

    def too_long(number: int, frame: FrameType | None) -> None:
        raise AssertionError(f"not over after {REAL_SECONDS} seconds")

    before = signal.signal(signal.SIGALRM, too_long)
    signal.alarm(REAL_SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def _memory() -> str | None:
    """Where files cost nothing, if there is such a place."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
