"""Looking on: who is shown which connections, whichever came first."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.net.test_drive import EchoSession

from correo.clock.virtual import run
from correo.net import Peer, Session, Stream
from correo.net import tap as tap_module
from correo.net import watch as watch_module
from correo.net.drive import Stopping, Terms, drive
from correo.net.memory import MemoryStream
from correo.net.networks import Networks
from correo.net.tap import MAX_EARLY, Glimpse, Tap, Taps, Wants
from correo.net.watch import MAX_UNSENT, MAX_WATCHERS, Door, Request, Told, doors, reachable, wants
from correo.wire.pop3.server import AuthResponse, Command
from correo.wire.watched import Shown

NOW = 1_767_225_600_000_000
CLIENT = Peer("192.0.2.1", 40_000)


class Clock:
    def now(self) -> int:
        return NOW


class Watcher:
    def __init__(self, **given: Any) -> None:
        self.wants = Wants(**given)
        self.seen: list[Glimpse] = []

    def show(self, glimpse: Glimpse) -> None:
        self.seen.append(glimpse)

    @property
    def lines(self) -> list[str]:
        return [f"{one.session} {one.who} {one.text}" for one in self.seen]


class OneSession:
    """As much of one as a tap knows."""

    def __init__(self, taps: Taps, protocol: str = "pop3", peer: Peer = CLIENT) -> None:
        self.logged_in = ""
        self.core = object()
        self.tap = taps.incoming(protocol, peer, None, self)


@pytest.fixture
def taps() -> Taps:
    return Taps(Clock(), "7.")


def test_a_connection_that_comes_later(taps: Taps) -> None:
    watcher = Watcher()
    taps.watch(watcher)
    tap = OneSession(taps).tap
    assert tap.on
    tap.said(b"+OK ready\r\n")
    tap.heard(Command("NOOP", ""))
    tap.close()
    assert watcher.lines == ["7.1 * connected", "7.1 S +OK ready", "7.1 C NOOP", "7.1 * closed"]
    one = watcher.seen[1]
    assert (one.at, one.protocol, one.peer, one.account) == (NOW, "pop3", "192.0.2.1:40000", "")
    assert not tap.on


def test_a_connection_that_was_there_is_shown_from_its_next_command_on(taps: Taps) -> None:
    session = OneSession(taps)
    session.logged_in = "bob@example.com"
    assert not session.tap.on
    watcher = Watcher()
    taps.watch(watcher)
    session.tap.said(b"the rest of a message\r\n.\r\n")
    session.tap.heard(Command("NOOP", ""))
    session.tap.said(b"+OK\r\n")
    assert watcher.lines == [
        "7.1 * open since 2026-01-01 00:00:00Z, logged in as bob@example.com",
        "7.1 C NOOP",
        "7.1 S +OK",
    ]


def test_a_connection_that_is_silent_is_shown_from_now_on(taps: Taps) -> None:
    session, watcher = OneSession(taps), Watcher()
    taps.watch(watcher)
    session.tap.settled()
    session.tap.said(b"+OK later\r\n")
    assert watcher.lines[-1] == "7.1 S +OK later"


def test_an_exchange_that_has_begun_is_hidden(taps: Taps) -> None:
    session, watcher = OneSession(taps), Watcher()
    taps.watch(watcher)
    session.tap.heard(AuthResponse(b"secret"))
    assert watcher.lines[-1] == "7.1 C <hidden>"


def test_who_leaves_costs_nothing_more(taps: Taps) -> None:
    session, first, second = OneSession(taps), Watcher(), Watcher()
    taps.watch(first)
    taps.watch(second)
    taps.unwatch(first)
    session.tap.heard(Command("NOOP", ""))
    assert len(second.seen) == len(first.seen) + 1
    before = session.tap.on
    taps.unwatch(second)
    assert (before, session.tap.on, taps.watchers) == (True, False, 0)


@pytest.mark.parametrize(
    ("given", "fits"),
    [
        ({}, True),
        ({"session": "7.1"}, True),
        ({"session": "7.2"}, False),
        ({"protocols": frozenset({"pop3", "imap"})}, True),
        ({"protocols": frozenset({"smtp"})}, False),
        ({"networks": Networks.of(["192.0.2.0/24"])}, True),
        ({"networks": Networks.of(["192.0.3.0/24"])}, False),
        ({"hosts": frozenset({"mx.example.net"})}, False),
        ({"hosts": frozenset({"mx.example.net"}), "networks": Networks.of(["192.0.2.1"])}, True),
    ],
)
def test_what_somebody_wants(taps: Taps, given: dict[str, Any], fits: bool) -> None:
    before, after = Watcher(**given), Watcher(**given)
    taps.watch(before)
    tap = OneSession(taps).tap
    taps.watch(after)
    tap.heard(Command("NOOP", ""))
    assert bool(before.seen) is bool(after.seen) is tap.on is fits


def test_where_we_go(taps: Taps) -> None:
    watcher = Watcher(hosts=frozenset({"mx.example.net"}))
    taps.watch(watcher)
    taps.outgoing("mx.example.org", CLIENT)
    tap = taps.outgoing("mx.example.net", CLIENT)
    tap.received(b"220 hello\r\n")
    tap.sent(b"EHLO here\r\n", begins=True)
    tap.body(b"text", chunked=False)
    tap.received(b"250 taken\r\n")
    assert watcher.lines == [
        "7.2 * connected",
        "7.2 S 220 hello",
        "7.2 C EHLO here",
        "7.2 C <4 octets of message>",
        "7.2 S 250 taken",
    ]


def test_an_account_is_known_only_later(taps: Taps) -> None:
    bob = Watcher(account="bob@example.com")
    taps.watch(bob)
    his, hers = OneSession(taps), OneSession(taps)
    for session in (his, hers):
        session.tap.said(b"+OK ready\r\n")
        session.tap.heard(Command("PASS", "secret"))
    assert not bob.seen
    his.logged_in, hers.logged_in = "bob@example.com", "ann@example.com"
    for session in (his, hers):
        session.tap.said(b"+OK in\r\n")
    assert bob.lines == ["7.1 * connected", "7.1 S +OK ready", "7.1 C PASS <hidden>", "7.1 S +OK in"]


def test_what_is_kept_for_an_account_is_bounded(taps: Taps) -> None:
    bob = Watcher(account="bob@example.com")
    taps.watch(bob)
    session = OneSession(taps)
    for _ in range(10 * MAX_EARLY):
        session.tap.heard(Command("NOOP", ""))
    session.logged_in = "bob@example.com"
    session.tap.heard(Command("NOOP", ""))
    assert len(bob.seen) == MAX_EARLY + 1


def test_a_fault_in_looking_on_ends_the_looking(taps: Taps) -> None:
    watcher = Watcher()
    taps.watch(watcher)
    tap = OneSession(taps).tap
    tap.heard(Command(None, None))  # type: ignore[arg-type]
    assert not tap.on
    tap.close()


class Echoed:
    """What follows the protocol of `EchoSession`."""

    def heard(self, event: bytes) -> list[Shown]:
        return [Shown("C", event.decode())]

    def said(self, octets: bytes) -> list[Shown]:
        return [Shown("S", repr(octets))]

    def settled(self) -> list[Shown]:
        return [Shown("-", "")]


def test_a_session_is_followed_to_its_end(taps: Taps, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(tap_module._LISTENERS, "echo", lambda _: Echoed())
    watcher = Watcher()
    taps.watch(watcher)

    def tapped(stream: Stream, session: Session) -> Tap:
        return taps.incoming("echo", stream.peer, stream.tls, session)

    async def test() -> None:
        client, server = MemoryStream.pair(CLIENT, Peer("192.0.2.9", 25))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        client.write(b"one\ntwo\nquit\n")
        await drive(server, EchoSession(), Terms(lambda: context, Stopping(), repr, tap=tapped))

    run(test())
    said = [line.removeprefix("7.1 ") for line in watcher.lines]
    assert said[:6] == ["* connected", "S b'hello\\n'", "- ", "- ", "C one", "S b'one\\n'"]
    assert said[6:] == ["C two", "S b'two\\n'", "C quit", "S b'bye\\n'", "* closed"]


def test_what_a_silent_client_is_told_next_is_shown_to_who_came_meanwhile(
    taps: Taps, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(tap_module._LISTENERS, "echo", lambda _: Echoed())
    watcher = Watcher()

    def tapped(stream: Stream, session: Session) -> Tap:
        return taps.incoming("echo", stream.peer, stream.tls, session)

    async def test() -> None:
        client, server = MemoryStream.pair(CLIENT, Peer("192.0.2.9", 25))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        terms = Terms(lambda: context, Stopping(), repr, tap=tapped)
        task = asyncio.ensure_future(drive(server, EchoSession(), terms))
        assert await client.read(1) == b"hello\n"
        taps.watch(watcher)
        server.wake()
        assert await client.read(1) == b"woken\n"
        client.write(b"quit\n")
        await task

    run(test())
    assert "7.1 S b'woken\\n'" in watcher.lines


# -- the door ------------------------------------------------------------------------------------------------------------


class Visit:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def begin(cls, path: Path, said: bytes = b"{}\n") -> Visit:
        with reachable(path) as address:
            visit = cls(*await asyncio.open_unix_connection(address))
        visit.writer.write(said)
        return visit

    async def told(self) -> Told:
        async with asyncio.timeout(10):
            return msgspec.json.decode(await self.reader.readline(), type=Told)


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not true():
            await asyncio.sleep(0)


async def test_the_door_is_for_the_servers_own_user(tmp_path: Path, taps: Taps) -> None:
    folder = tmp_path / "watch"
    door = Door(taps, folder)
    await door.open()
    (path,) = doors(folder)
    assert path.name == str(os.getpid())
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    door.close()
    assert doors(folder) == []


async def test_who_watches_is_told(tmp_path: Path, taps: Taps) -> None:
    door = Door(taps, tmp_path)
    await door.open()
    visit = await Visit.begin(doors(tmp_path)[0], b'{"protocols":["pop3"]}\n')
    await until(lambda: taps.watchers == 1)
    OneSession(taps, "smtp")
    OneSession(taps).tap.heard(Command("NOOP", "\x1b[2J"))
    assert (await visit.told()).text == "connected"
    told = await visit.told()
    assert (told.at, told.session, told.protocol, told.who, told.text) == (
        NOW,
        "7.2",
        "pop3",
        "C",
        "NOOP \\x1b[2J",
    )
    visit.writer.close()
    await until(lambda: taps.watchers == 0)
    door.close()


async def test_who_reads_slowly_misses_some_and_holds_nobody_up(tmp_path: Path, taps: Taps) -> None:
    door = Door(taps, tmp_path)
    await door.open()
    visit = await Visit.begin(doors(tmp_path)[0])
    await until(lambda: taps.watchers == 1)
    tap, said = OneSession(taps).tap, 0
    while said * 1_000 < 20 * MAX_UNSENT:  # many times what the system keeps, without a turn for anybody
        tap.said(b"+OK " + b"x" * 1_000 + b"\r\n")
        said += 1
    shown = lost = 0
    while shown + lost < said:
        told = await visit.told()
        shown += told.who == "S"
        lost += told.lost
    assert lost > said / 2
    tap.said(b"+OK again\r\n")
    assert (await visit.told()).text == "+OK again"
    visit.writer.close()
    door.close()


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (b"nonsense\n", "JSON"),
        (b'{"protocols":["ftp"]}\n', "there is no protocol ftp"),
        (b'{"hosts":"one"}\n', "array"),
        (b"x" * 70_000, "too much"),
    ],
)
async def test_what_cannot_be_wanted_is_refused(tmp_path: Path, taps: Taps, said: bytes, words: str) -> None:
    door = Door(taps, tmp_path)
    await door.open()
    visit = await Visit.begin(doors(tmp_path)[0], said)
    assert words in (await visit.told()).refused
    assert await visit.reader.read() == b""
    assert not taps.watchers
    visit.writer.close()
    door.close()


async def test_so_many_may_watch(tmp_path: Path, taps: Taps) -> None:
    door = Door(taps, tmp_path)
    await door.open()
    visits = [await Visit.begin(doors(tmp_path)[0]) for _ in range(MAX_WATCHERS)]
    await until(lambda: taps.watchers == MAX_WATCHERS)
    one_more = await Visit.begin(doors(tmp_path)[0])
    assert (await one_more.told()).refused == "too many are watching"
    for visit in [*visits, one_more]:
        visit.writer.close()
    door.close()


async def test_doors_of_the_dead_are_cleared_away_and_those_of_the_living_stay(
    tmp_path: Path, taps: Taps
) -> None:
    first, second = Door(taps, tmp_path, 1), Door(taps, tmp_path, 2)
    await first.open()
    (tmp_path / "3").touch()
    await second.open()
    assert [path.name for path in doors(tmp_path)] == ["1", "2"]
    first.close()
    second.close()


async def test_a_door_is_not_cleared_away_while_it_is_made(
    tmp_path: Path, taps: Taps, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Processes begin together; a socket that does not listen yet refuses as one that nobody has any more."""
    listen, neighbour = socket.socket.listen, Door(taps, tmp_path, 2)

    def slowly(sock: socket.socket, backlog: int = 9) -> None:
        watch_module._clear(tmp_path)
        listen(sock, backlog)

    monkeypatch.setattr(socket.socket, "listen", slowly)
    await neighbour.open()
    assert [path.name for path in tmp_path.iterdir()] == ["2"]
    visit = await Visit.begin(doors(tmp_path)[0])
    await until(lambda: taps.watchers == 1)
    visit.writer.close()
    neighbour.close()
    assert list(tmp_path.iterdir()) == []


async def test_who_was_refused_is_not_heard(
    tmp_path: Path, taps: Taps, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch_module, "uid_of", lambda _: os.geteuid() + 1)
    door = Door(taps, tmp_path)
    await door.open()
    visit = await Visit.begin(doors(tmp_path)[0])
    assert (await visit.told()).refused == "this is for the server's own user"
    assert not taps.watchers
    visitor = watch_module._Visitor(taps, set())
    visitor._refuse("no")
    visitor.data_received(b"{}\n")
    assert not taps.watchers
    visit.writer.close()
    door.close()


async def test_a_folder_may_lie_deep(tmp_path: Path, taps: Taps) -> None:
    folder = tmp_path / ("deep" * 30)
    door = Door(taps, folder)
    await door.open()
    visit = await Visit.begin(doors(folder)[0])
    await until(lambda: taps.watchers == 1)
    visit.writer.close()
    door.close()


def test_hosts_are_addresses_networks_and_names() -> None:
    wanted = wants(Request(hosts=["192.0.2.1", "2001:db8::/32", "MX.Example.net."]))
    assert wanted.hosts == {"mx.example.net"}
    assert "192.0.2.1" in wanted.networks
    assert "2001:db8::9" in wanted.networks
    assert "192.0.2.2" not in wanted.networks
