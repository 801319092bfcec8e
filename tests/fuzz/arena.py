"""One server, one client who means no good, and others who want to be served meanwhile.

`attack` plays what the client sends against a session of one listener and holds the server to its promises: no session ever fails, a
session ends or waits, it keeps no more octets than its limits say, memory is given back, everybody else is still answered, and the books
are in order afterwards.
"""

from __future__ import annotations

import asyncio
import os
import signal
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from types import FrameType
from typing import Any, Protocol

from tests.fuzz.dialogs import LOGINS
from tests.fuzz.imap_ear import ImapEar
from tests.fuzz.line_ears import Pop3Ear, SmtpEar
from tests.fuzz.stage import Actor, Stage
from tests.journeys.client import Smtp, settle_down

from correo import mailbox
from correo.access.imap.session import ImapSession
from correo.mail.flags import Flags
from correo.net import Peer, Session, Stream
from correo.net.drive import unwatched
from correo.net.memory import MemoryStream
from correo.net.tap import STRANGER, Tap

FUZZ = max(1, int(os.environ.get("CORREO_FUZZ", "0")))
LONGEST_DELAY = 60  # seconds of the clock of the town
REAL_SECONDS = 20  # in which any attack is over, unless the server has stopped answering anybody
SECOND, HAPPENS = b"\x1d", b"\x1c"
KINDS = ("mx", "submission", "lmtp", "pop3", "imap")

# Octets that a core may hold after it has been pulled dry, besides one piece that came in: a command line; for SMTP the
# piece of a message that is being gathered (the rest of it counts against the budget); for IMAP a command with its literals and
# what was sent ahead of the answer.
KEPT = {"mx": 70_000, "submission": 70_000, "lmtp": 70_000, "pop3": 16_384, "imap": 400_000}
SHORT = 4_000  # octets of which no core can make too many; to count is dear
WORKING = ("mx", "submission", "lmtp")  # where mail is queued
COPIED = "a message is in one mailbox twice"  # as IMAP clients may ask for
APPEND = 1 << 20  # what the listener of the town takes in one APPEND, once somebody has logged in


def examples(number: int) -> int:
    """`number` of them, or as many times more as CORREO_FUZZ says."""
    return number * FUZZ


class Ear(Protocol):
    """What a client makes of what it hears. `packing`: the server has begun to compress, and expects the same."""

    packing: bool
    ended: bool  # it was told that nothing more will be said

    def understood(self, event: Any) -> None:
        """What the server made of what it was sent, before it answers."""
        ...

    def heard(self, octets: bytes) -> None:
        """Raises AssertionError where that has no meaning."""
        ...

    @property
    def unanswered(self) -> list[str]:
        """Commands that should have been."""
        ...


EARS: dict[str, type[Ear]] = {"pop3": Pop3Ear, "imap": ImapEar}


class Overheard(Tap):
    """Tells an ear what the server understood."""

    __slots__ = ("ear",)

    def __init__(self, peer: Peer, ear: Ear) -> None:
        super().__init__(None, "", "", peer, lambda _: None, STRANGER, "")
        self.ear, self.on = ear, True

    def heard(self, event: Any) -> None:
        self.ear.understood(event)


class Client:
    """One connection."""

    def __init__(self, near: MemoryStream, session: Session, ear: Ear) -> None:
        self.near, self.session, self.ear = near, session, ear
        self.hearing = asyncio.ensure_future(self._hear())
        self._packer: Any = None
        self.most = self.sent = 0  # octets of the longest piece, and of all
        self.silent = False  # some flags are not told to who stored them

    def say(self, octets: bytes) -> None:
        self.most = max(self.most, len(octets))
        self.sent += len(octets)
        self.silent = self.silent or b"SILENT" in octets.upper()
        if self.ear.packing:
            self._packer = self._packer or zlib.compressobj(1, zlib.DEFLATED, -15)
            octets = self._packer.compress(octets) + self._packer.flush(zlib.Z_SYNC_FLUSH)
        self.near.write(octets)

    async def _hear(self) -> None:
        """Take whatever the server says, until it hangs up."""
        try:
            while data := await self.near.read(None):
                if isinstance(data, bytes):
                    self.ear.heard(data)
        except OSError:
            pass


def attack(kind: str, pieces: Sequence[bytes], *, hang_up: bool = True) -> None:
    """A client connects to a listener of `kind` and sends `pieces`, whatever he hears. Raises AssertionError."""
    with limited():
        assault(kind, pieces, hang_up=hang_up)


def assault(kind: str, pieces: Sequence[bytes], *, hang_up: bool = True, at_once: bool = True) -> None:
    """The same for those who look at the time themselves. `at_once`: what is still to be answered is not waited for.

    A piece that begins with SECOND is said by another client, who is logged in as the same person; with HAPPENS, nobody says it: `l` is
    a letter that comes, `t` a minute that goes by.
    """
    stage = _stage()
    try:
        stage.play(partial(_attack, kind, pieces, hang_up, at_once), working=kind in WORKING)
    except BaseException:
        _stages.clear()
        stage.close()
        raise


_stages: list[Stage] = []


def _stage() -> Stage:
    if not _stages:
        _stages.append(Stage())
    return _stages[0]


async def _attack(kind: str, pieces: Sequence[bytes], hang_up: bool, at_once: bool, server: Actor) -> None:
    clients = [await _client(server, kind)]
    for piece in pieces:
        await _do(server, kind, clients, piece)
        await settle_down()
        for client in clients:
            if client.sent > SHORT:
                _check_memory(kind, client)
    await _witnessed(server)
    if not at_once:
        await asyncio.sleep(LONGEST_DELAY / 2)
        for client in clients:
            if client.hearing.done():
                client.hearing.result()
            assert client.hearing.done() or not client.ear.unanswered, (
                f"never answered: {client.ear.unanswered}"
            )
            await _compare(server, client)
    for client in clients:
        if hang_up:
            await client.near.close()
        await asyncio.wait_for(
            client.hearing, 10_000
        )  # either side gives up in less than three hours of silence
    await _is_over(server)


async def _client(server: Actor, kind: str) -> Client:
    ears: list[Ear] = []

    def overhear(stream: Stream, session: Session) -> Tap:
        ears.append(EARS[kind]() if kind in EARS else SmtpEar(many=kind == "lmtp"))
        return Overheard(stream.peer, ears[0])

    server.overhear = overhear
    near = await server.dial(kind)
    await settle_down()
    return Client(near, server.sessions[-1], ears[0])


async def _do(server: Actor, kind: str, clients: list[Client], piece: bytes) -> None:
    if piece.startswith(HAPPENS):
        if piece[1:2] == b"l":
            await server.deliver()
        elif piece[1:2] == b"t":
            await asyncio.sleep(60)
        return
    if not piece.startswith(SECOND):
        clients[0].say(piece)
        return
    if len(clients) == 1:
        clients.append(await _client(server, kind))
        clients[1].say(LOGINS[kind])
    clients[1].say(piece[1:])


def _check_memory(kind: str, client: Client) -> None:
    limit = KEPT[kind] + client.most + (APPEND if kind == "imap" else 0)
    kept = octets_in(client.session.core)
    assert kept <= limit, f"the core keeps {kept} octets"


async def _witnessed(server: Actor) -> None:
    """Somebody else is served."""
    server.overhear = unwatched
    witness = Smtp(await server.dial("mx"))
    assert (await witness.reply()).code == 220
    assert (await witness.ask("NOOP")).code == 250
    await witness.close()


async def _compare(server: Actor, client: Client) -> None:
    """What an IMAP client knows of the mailbox is what is there, once it has asked for news."""
    session, ear = client.session, client.ear
    if not isinstance(session, ImapSession) or not isinstance(ear, ImapEar):
        return
    client.say(b"\r\nzz NOOP\r\n")
    await settle_down()
    if "zz" not in ear.answered or ear.notified or ear.ended:
        return
    selected = session.selected
    if selected is None:  # who deletes the mailbox that he has open is not told more than OK
        return
    assert ear.uids is not None, f"{selected.mailbox_id} is open, and nothing was told of it"
    rows = await server.db.read(mailbox.messages, selected.mailbox_id, None, selected.reader)
    assert len(rows) == len(ear.uids), f"{len(rows)} messages are there, and {len(ear.uids)} were told"
    for row, uid in zip(rows, ear.uids, strict=True):
        assert uid in (None, row.uid), f"UIDs {[row.uid for row in rows]}, and {ear.uids} were told"
        told = ear.flags.get(row.uid)
        if told is not None and not client.silent:
            names = {name.lower().encode() for name in Flags(row.flags, tuple(row.keywords.split())).names}
            assert told - {b"\\recent"} == names, f"{row.uid} has {names}, and {told} was told"


async def _is_over(server: Actor) -> None:
    await settle_down()
    for _ in range(LONGEST_DELAY):
        # A session that has been told a wrong password answers late, and hears of nothing before that.
        if server.connections:
            await asyncio.sleep(1)
    assert not server.connections, "a session goes on after its client has gone"
    assert not server.locks.held, "a maildrop stays locked"
    wrong = await server.audit() if server.changed else server.troubles
    assert not (wrong := [one for one in wrong if not one.startswith(COPIED)]), "\n".join(wrong)


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
