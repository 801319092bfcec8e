"""A server that plays for one client after the other: made once, and everything is as it was when the next one comes.

To make a server, its database and its people takes ten times as long as what a client has to say to it. Here the database is in memory
and its changes are undone; whatever else a server keeps is made anew, since that costs nothing.
"""

from __future__ import annotations

import asyncio
import ssl
import traceback
from collections.abc import Callable, Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.fuzz.erasable import Erasable
from tests.journeys.in_place import InPlace
from tests.journeys.server import Server
from tests.journeys.town import Town

from correo import accounts, mailbox
from correo.clock import Chance
from correo.clock.virtual import START, SeededChance, VirtualLoop
from correo.mail.address import Address
from correo.mail.flags import Flags
from correo.mail.instant import HOUR, MINUTE
from correo.net import Session, Stream
from correo.net.drive import Terms
from correo.net.memory import MemoryStream
from correo.net.tap import Tap
from correo.queue.schedule import Schedule
from correo.receive.options import Limits
from correo.storage.bus import account as account_topic
from correo.storage.db import Database, Tx
from correo.transport.policy.guard import Policies
from correo.transport.remote import Options as RemoteOptions
from correo.transport.remote import RemoteTransport
from correo.transport.worker import Worker

ALICE, BOB, TEAM = "alice@example.org", "bob@example.org", "team@example.org"
HOST = "mail.example.org"
CURTAIN = START + HOUR  # when each client comes

_PARTS = (
    b"From: Bob <bob@example.org>\r\nTo: alice@example.org\r\nSubject: two\r\n =?utf-8?q?=C3=A9?=\r\nMessage-ID: <2@example.org>\r\n"
    b"References: <1@example.org>\r\nDate: Thu, 1 Jan 2026 10:00:00 +0100\r\nMIME-Version: 1.0\r\n"
    b'Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n\xc3\xa9t\xc3\xa9\r\n'
    b"--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: inner\r\nFrom: a@b\r\n\r\nwithin\r\n"
    b"--b\r\nContent-Type: application/octet-stream; name=x\r\nContent-Transfer-Encoding: base64\r\n\r\nAP8AAP8=\r\n--b--\r\n"
)  # fmt: skip
LETTERS = (
    b"From: bob@example.org\r\nTo: alice@example.org\r\nSubject: one\r\nMessage-ID: <1@example.org>\r\n"
    b"Date: Thu, 1 Jan 2026 09:00:00 +0000\r\n\r\nThis is one.\r\n.\r\nIt has a dot.\r\n",
    _PARTS,
    b"no header at all\r\n",
    b"",
    b"Subject: broken \xff\r\nFrom: \"a\\\"b\" <x@y>, group: c@d;\r\n\r\n" + b"x" * 2_000,
)  # fmt: skip
FRESH = b"From: carol@far.example\r\nTo: alice@example.org\r\nSubject: fresh\r\n\r\nfresh\r\n"


class Actor(Server):
    """A server of the stage, of which every connection is overheard. Its worker is there, and the world outside is empty."""

    def __init__(self, stage: Stage) -> None:
        super().__init__(stage.town, Path(), HOST, stage.address, Schedule(), Limits())
        self.stage = stage
        self.sessions: list[Session] = []
        self.overhear: Callable[[Stream, Session], Tap] | None = None

    async def open_database(self) -> Database:
        return self.stage.database

    async def start(self, *, working: bool = True) -> None:
        await super().start(working=working)
        self.terms: Terms = replace(self.terms, tap=self._tap)
        if not working:
            self.worker = self.make_worker()
            self.working = asyncio.get_running_loop().create_task(asyncio.sleep(0))

    def make_worker(self) -> Worker:
        return Worker(
            self.db, self.bus, self.clock, self.chance, self.stage.transport(self), self.policy, grace=5.0
        )

    def session(self, kind: str, stream: MemoryStream) -> Session:
        self.sessions.append(super().session(kind, stream))
        return self.sessions[-1]

    def _tap(self, stream: Stream, session: Session) -> Tap:
        assert self.overhear is not None, "nobody connects before there is somebody to overhear it"
        return self.overhear(stream, session)

    @property
    def changed(self) -> bool:
        return self.stage.database.changed

    @property
    def troubles(self) -> list[str]:
        """What is wrong although nothing was written."""
        lost = self.budget.used
        said = ["".join(traceback.format_exception(fault)) for fault in self.incidents]
        return [*said, *([f"{lost} octets of memory were never given back"] if lost else [])]

    async def deliver(self, letter: bytes = FRESH) -> None:
        """Into alice's INBOX, as another session would."""
        now = self.clock.now()
        owner = await self.db.write(_append, ALICE, letter, 0, self.chance, now)
        self.bus.publish(account_topic(owner))


class Stage:
    """Use it with `play`; after whatever that raises it is good for nothing more."""

    database: Erasable

    def __init__(self) -> None:
        self._loop = VirtualLoop()
        self._loop.set_default_executor(InPlace())
        self._transport: RemoteTransport | None = None
        self._verified = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._run(self._build())

    def play(self, scene: Callable[[Actor], Coroutine[Any, Any, None]], *, working: bool = True) -> None:
        """`working`: what is queued is delivered."""
        self._run(self._play(scene, working))

    def close(self) -> None:
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()

    def transport(self, server: Server) -> RemoteTransport:
        """The same for all, since contexts of TLS are dear, and it remembers nothing that matters here."""
        self._transport = self._transport or self._made(server)
        return self._transport

    def _made(self, server: Server) -> RemoteTransport:
        dialer, resolver = self.town.network.dialer(self.address), server.resolver()
        options = RemoteOptions(hostname=HOST, ipv6=False, own_endpoints=frozenset({(self.address, 25)}))
        guard = Policies(server.db, resolver, dialer, server.clock, server.protection, self._verified)
        return RemoteTransport(resolver, dialer, server.clock, server.chance, options, guard)

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(work)

    async def _build(self) -> None:
        self.town = Town(Path())
        self.address = self.town.address()
        self.town.publish("example.org", HOST, self.address)
        self.database = await Erasable.made(START)
        server = Actor(self)
        server.chance = SeededChance(2)
        await server.start()
        await server.people(ALICE, BOB, domain="example.org")
        await server.alias(TEAM, ALICE, BOB)
        for number, letter in enumerate(LETTERS):
            self.town.clock.advance(MINUTE)
            await self.database.write(_append, ALICE, letter, number, server.chance, self.town.clock.now())
        await self.database.write(_append, BOB, LETTERS[0], 0, server.chance, self.town.clock.now())
        await self.database.write(_share)
        await server.stop()
        self.database.keep()

    async def _play(self, scene: Callable[[Actor], Coroutine[Any, Any, None]], working: bool) -> None:
        self.database.erase()
        self.town.clock.advance(CURTAIN - self.town.clock.now())
        server = Actor(self)
        await server.start(working=working)
        await scene(server)
        await server.stop()


async def _append(tx: Tx, address: str, letter: bytes, flags: int, chance: Chance, now: int) -> int:
    account = await accounts.get_account(tx, Address.parse(address).folded)
    assert account is not None
    box = await mailbox.inbox(tx, account.id)
    assert box is not None
    content = chance.id(now)
    await mailbox.store(tx, mailbox.prepare(letter), content, now)
    await mailbox.append(
        tx, box.id, content_id=content, size=len(letter), flags=Flags(flags), received=now, now=now
    )
    return account.id


async def _share(tx: Tx) -> None:
    """Alice reads and changes bob's INBOX."""
    alice, bob = [await accounts.get_account(tx, address) for address in (ALICE, BOB)]
    assert alice is not None
    assert bob is not None
    box, rights = await mailbox.inbox(tx, bob.id), mailbox.parse_rights("lrswite")
    assert box is not None
    assert rights is not None
    await mailbox.set_rights(tx, box.id, alice.id, "", False, "replace", rights, START)
