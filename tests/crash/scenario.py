"""A day at a mail server in which every arrow of the queue's table is walked, told so that it may end at any commit.

What the outside world knows is written to two files that outlive the process, and synced before the world goes on:

    client   one JSON list a line: ["taken", message, recipient, ...] once the 250 was read, ["appended", ...], ["deleted", ...]
    far      one JSON list a line: ["rcpt", address] for each that was asked about, ["taken", message, recipient, ...] before the 250

A message is named by its Message-ID. `run` tells the whole story, `recover` is what the operator does after a crash: he starts the server
and waits until there is nothing left to do.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path

from tests.crash.trap import Trap
from tests.journeys.far import HUSH, Far, Taken
from tests.journeys.server import Server
from tests.journeys.town import Town

from correo import queue
from correo.clock.virtual import START
from correo.mail.instant import HOUR, MINUTE
from correo.mail.way import Way
from correo.queue import Selection
from correo.queue.schedule import Schedule
from correo.receive.options import Limits
from correo.storage.db import Database
from correo.transport.routes import Route, Routes

CLIENT, FAR, TRACE = "client", "far", "trace"
HOST, DOMAIN = "mail.here.example", "here.example"
USERS = ("alice", "bob", "carol")
ALICE, BOB, CAROL = (f"{user}@{DOMAIN}" for user in USERS)
SCHEDULE = Schedule(retry=(MINUTE, 5 * MINUTE), lifetime=HOUR, warn_after=2 * MINUTE)
ASIDE, ANOTHER_WAY = Selection(destination="held.example"), "mx:far.example"
RECOVERY = 22 * MINUTE  # after the beginning of a day of 20 minutes: some leases have ended, some have not

_MESSAGE_ID = re.compile(rb"(?im)^Message-ID: (<[^>]+>)")


@dataclass(frozen=True, slots=True)
class Plan:
    """Where to die: at the `number`th commit of the server, `side` of it. 0: nowhere."""

    number: int = 0
    side: str = "before"
    trace: bool = False


class Diary:
    """Lines that are on the disk before anybody goes on."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def note(self, *words: str) -> None:
        os.write(self._file, json.dumps(words).encode() + b"\n")
        os.fsync(self._file)


def entries(path: Path) -> list[list[str]]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def message_id(text: bytes) -> str:
    match = _MESSAGE_ID.search(text)
    assert match is not None, f"a message without Message-ID: {text!r}"
    return match[1].decode()


class TrappedServer(Server):
    """A server whose database may kill it."""

    plan: Plan
    trap: Trap | None = None

    async def open_database(self) -> Database:
        inner = await super().open_database()
        if self.trap is None:
            self.trap = Trap(inner, self.town.clock, self.plan.number, self.plan.side, self.plan.trace)
        self.trap.inner = inner  # opened again, it counts on
        return self.trap


class Elsewhere:
    """The servers of others. They remember what they were asked and what they took, even after a crash."""

    def __init__(self, town: Town, folder: Path) -> None:
        self._path = folder / FAR
        self._diary = Diary(self._path)
        town.far("far.example", Far(self._answer, hear=self._hear))
        town.far("away.example", Far(self._away, hear=self._hear))
        town.far("rude.example", Far(self._rude, hear=self._hear))

    def _hear(self, taken: Taken) -> None:
        self._diary.note("taken", message_id(taken.text), *taken.recipients)

    def _answer(self, line: str) -> str | None:
        if not line.startswith("RCPT"):
            return None
        address = line[line.index("<") + 1 : line.index(">")]
        self._diary.note("rcpt", address)
        asked = sum(entry == ["rcpt", address] for entry in entries(self._path))
        match address.partition("@")[0]:
            case "never":
                return "550 5.1.1 no such user here"
            case "withdraw" | "delete":
                return "451 4.2.1 not today"
            # Asked twice in one attempt where the first connection was one that had been kept.
            case "hold" | "retry" if asked <= 2:
                return "451 4.7.1 come back later"
            case "later" if asked <= 6:
                return "451 4.7.1 come back later"
            case _:
                return None

    def _away(self, line: str) -> str | None:
        """Not at home when the first one calls."""
        if line == "connect":
            self._diary.note("call")
            calls = sum(entry == ["call"] for entry in entries(self._path))
            return "421 4.3.2 nobody is here" if calls == 1 else None
        return None

    def _rude(self, line: str) -> str | None:
        """Says nothing to the first who tries, for as long as he waits."""
        if line == "connect":
            self._diary.note("connect")
            connects = sum(entry == ["connect"] for entry in entries(self._path))
            return HUSH if connects == 1 else None
        return None


async def prepare(folder: Path) -> None:
    """The server's database with its accounts and aliases, before the story begins."""
    town = Town(folder)
    server = await town.server(HOST, DOMAIN, *USERS)
    await server.alias(f"team@{DOMAIN}", CAROL, "ok@far.example")
    await server.alias(f"lost@{DOMAIN}", "never@far.example")
    await town.close()


async def run(folder: Path, plan: Plan) -> None:
    await Story(folder, plan, START).tell()


async def recover(folder: Path, plan: Plan) -> None:
    """Start again, release what is held, and wait until the queue is empty."""
    story = Story(folder, plan, START + RECOVERY)
    server = story.server
    await server.start()
    for _ in range(6 * 60):
        await story.town.wait("1m")
        await server.release(Selection())
        await server.reroute(ASIDE, ANOTHER_WAY)
        if not await server.queued():
            break
    else:
        raise AssertionError(f"the queue does not empty: {await server.queued()}")
    await story.end()


class Story:
    def __init__(self, folder: Path, plan: Plan, start: int) -> None:
        self.folder = folder
        self.plan = plan
        self.town = Town(folder, start=start)
        self.client = Diary(folder / CLIENT)
        address = self.town.address()
        self.server = TrappedServer(self.town, folder / HOST, HOST, address, SCHEDULE, Limits())
        self.server.plan = plan
        self.server.routes = Routes([("held.example", Route(Way.parse("hold")))])
        self.town.publish(DOMAIN, HOST, address)
        Elsewhere(self.town, folder)

    async def tell(self) -> None:
        town, server = self.town, self.server
        await server.start(working=False)
        await self._send(ALICE, "lapse@far.example")
        await self._claimed_by_nobody()
        await self._send(ALICE, BOB, f"team@{DOMAIN}", "ok@far.example")
        server.work()
        await self._send(ALICE, "later@far.example", "hold@far.example", "ok@far.example")
        await self._send(ALICE, "retry@far.example", "withdraw@far.example", "never@far.example", BOB)
        await self._receive("", f"lost@{DOMAIN}", CAROL)
        await self._receive("zoe@far.example", f"lost@{DOMAIN}")
        await self._receive("zoe@far.example", BOB, CAROL)
        await self._send(ALICE, "max@rude.example")
        await self._send(ALICE, f"team@{DOMAIN}", mail=" HOLDFOR=30")
        await self._send(ALICE, "one@away.example", "max@held.example", "delete@far.example")
        await town.wait("1s")
        await self._send(ALICE, "two@away.example")
        await server.reroute(ASIDE, ANOTHER_WAY)
        await server.delete(Selection(address="delete@far.example"))
        await server.hold(Selection(address="hold@far.example"))
        await server.retry(Selection(address="retry@far.example"))
        await server.withdraw(Selection(address="withdraw@far.example"))
        await self._read()
        await server.stop()
        await server.start()
        await town.wait("10m")
        await server.release(Selection())
        await town.wait("10m")
        assert await server.queued() == [], await server.queued()
        await self.end()

    async def end(self) -> None:
        if self.plan.trace:
            assert self.server.trap is not None
            (self.folder / TRACE).write_text(json.dumps(self.server.trap.arrows))
        await self.server.stop()
        await self.town.network.close()
        assert not self.server.incidents, self.server.incidents

    async def _send(self, sender: str, *recipients: str, mail: str = "") -> None:
        text = self.town.letter(sender, recipients)
        said = await self.server.send(sender, recipients, text, mail=mail)
        assert said.code == 250, said
        self.client.note("taken", message_id(text), *said.recipients)

    async def _receive(self, sender: str, *recipients: str) -> None:
        text = self.town.letter(sender, recipients)
        said = await self.server.receive(sender, recipients, text)
        assert said.code == 250, said
        self.client.note("taken", message_id(text), *said.recipients)

    async def _claimed_by_nobody(self) -> None:
        """A worker that will not be heard of again takes what is due."""
        now = self.town.clock.now()
        claimed = await self.server.db.write(
            queue.claim, owner="nobody", now=now, lease_until=now + 5 * MINUTE, limit=1
        )
        assert [one.folded for one in claimed] == ["lapse@far.example"]

    async def _read(self) -> None:
        """Bob fetches and deletes by POP3, Carol keeps a draft by IMAP."""
        pop3 = await self.server.pop3(BOB)
        text = await pop3.block("RETR 1")
        await pop3.ask("DELE 1")
        await pop3.ask("QUIT")
        self.client.note("deleted", message_id(text))
        imap = await self.server.imap(CAROL)
        draft = self.town.letter(CAROL, [BOB])
        imap.say(f"b1 APPEND Drafts (\\Draft) {{{len(draft)}+}}")
        imap.stream.write(draft + b"\r\n")
        while not (line := await imap.line()).startswith("b1 "):
            pass
        assert line.startswith("b1 OK"), line
        self.client.note("appended", message_id(draft))
        await imap.ask("SELECT INBOX")
        await imap.ask("CREATE Plans")
        await imap.ask("MOVE 1 Plans")
        self.client.note("moved")
