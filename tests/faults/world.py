"""A server, everybody who uses it, the other server that it sends to, and its DNS, all on loopback."""

from __future__ import annotations

import asyncio
import contextlib
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from tests.faults.books import HERE, PEOPLE, THERE, Books
from tests.faults.line import LONGEST, LOOPBACK
from tests.faults.people import ImapReader, Pop3Reader, Ports, Sender, again_and_again
from tests.faults.server import Server
from tests.interop.serving import give_away
from tests.journeys.server import credentials

from correo import accounts, mailbox
from correo.clock.system import SystemChance, SystemClock
from correo.dns.server import DnsServer
from correo.dns.zone import Zone
from correo.mail.address import Address
from correo.net.listen import bind
from correo.storage.db import Tx
from correo.storage.db.sqlite import Sqlite

ELSEWHERE = "127.0.0.2"
SENDERS = 6
LARGEST = 2 * 1024 * 1024  # octets of a message

_MESSAGE_ID = re.compile(rb"^Message-ID: (\S+)", re.MULTILINE)
_LISTENER = '[[listener]]\nprotocol = "{protocol}"\naddress = "{address}"\n'
CONFIG = """
hostname = "mail.here.example"
data_dir = "data"
{listeners}
[auth]
allow_plaintext = true
[dns]
servers = ["{dns}"]
[transport]
port = {port}
ipv6 = false
[queue]
retry = ["200ms"]
[limits]
drain = "2s"
hourly_messages = 0
hourly_recipients = 0
daily_messages = 0
daily_recipients = 0
[log]
format = "json"
"""


@dataclass(slots=True)
class World:
    folder: Path
    books: Books
    ports: Ports
    server: Server
    imap: list[ImapReader]
    pop3: list[Pop3Reader]
    largest: int = LARGEST
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    @property
    def heavy(self) -> list[Sender]:
        """Who sends nothing but long messages."""
        return [Sender(self.books, self.ports, False, self.largest, self.largest) for _ in range(SENDERS)]

    @property
    def database(self) -> Path:
        return self.folder / "data" / "correo.db"

    def begin(self) -> None:
        """Let everybody go to work."""
        self.books.over = False
        visits = [
            ("smtp", Sender(self.books, self.ports, number % 2 == 1, self.largest).visit)
            for number in range(SENDERS)
        ]
        visits += [("imap", reader.visit) for reader in self.imap]
        visits += [("pop3", reader.visit) for reader in self.pop3]
        loop = asyncio.get_running_loop()
        self.tasks = [loop.create_task(again_and_again(self.books, who, visit)) for who, visit in visits]

    async def rest(self) -> None:
        """Let everybody finish what he does. The server answers, or is gone."""
        self.books.over = True
        await asyncio.gather(*self.tasks)
        self.tasks.clear()


@asynccontextmanager
async def world_at(
    folder: Path, seed: int, *, workers: int = 1, prefix: tuple[str, ...] = (), largest: int = LARGEST
) -> AsyncIterator[World]:
    """Everything but the server is there; it is ended in the end, whatever happened."""
    books = Books(Random(seed))
    dns = DnsServer(Zone(f"{THERE} MX 10 mx.{THERE}\nmx.{THERE} A {ELSEWHERE}"))
    with contextlib.ExitStack() as socks:
        smtp, submission, imap, pop3, other = (
            socks.enter_context(bind(f"{LOOPBACK}:0")).getsockname()[1] for _ in range(5)
        )
        dns_port = await dns.start(LOOPBACK, 0)  # while those are taken: it gets another
    ports = Ports(smtp, submission, imap, pop3)
    listeners = "".join(
        _LISTENER.format(protocol=name, address=f"{LOOPBACK}:{getattr(ports, name)}")
        for name in Ports.__slots__
    )
    config = CONFIG.format(listeners=listeners, dns=f"{LOOPBACK}:{dns_port}", port=other)
    (folder / "correo.toml").write_text(config)
    (folder / "data").mkdir(exist_ok=True)
    await people_move_in(folder / "data" / "correo.db")
    give_away(folder)
    far = await asyncio.start_server(
        lambda reader, writer: other_server(books, reader, writer), ELSEWHERE, other, limit=LONGEST
    )
    imaps = [ImapReader(books, ports, number) for number in range(PEOPLE["imap"])]
    pop3s = [Pop3Reader(books, ports, number) for number in range(PEOPLE["pop"])]
    world = World(folder, books, ports, Server(folder, workers, prefix), imaps, pop3s, largest)
    try:
        yield world
    finally:
        books.over = True
        for task in world.tasks:
            task.cancel()
        await world.server.end()
        far.close()
        await dns.close()


async def people_move_in(database: Path) -> None:
    chance, now = SystemChance(), SystemClock().now()

    async def move_in(tx: Tx) -> None:
        await accounts.add_domain(tx, HERE, now)
        for kind, count in PEOPLE.items():
            for number in range(count):
                name = f"{kind}{number}@{HERE}"
                if kind == "far":
                    await accounts.add_alias(tx, name, [f"user{number}@{THERE}"], now)
                    continue
                id, address = chance.id(now), Address.parse(name)
                await accounts.add_account(tx, id=id, address=address, credentials=credentials(), now=now)
                await mailbox.open_account(tx, id, chance, now)

    db = await Sqlite.open(database, now=now, threaded=False)
    await db.write(move_in)
    await db.close()


async def other_server(books: Books, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Takes everything. A message counts from before the 250 on: whoever reads that may forget it."""
    recipients: list[str] = []
    writer.write(b"220 mx.far.example\r\n")
    try:
        while line := (await reader.readline()).decode().strip():
            if line.startswith("RCPT"):
                recipients.append(line[line.index("<") + 1 : line.index(">")])
            if line == "DATA":
                writer.write(b"354 go on\r\n")
                text = await reader.readuntil(b"\r\n.\r\n")
                named = _MESSAGE_ID.search(text)
                assert named is not None
                for recipient in recipients:
                    books.elsewhere[named[1].decode(), recipient].append(time.monotonic())
                recipients.clear()
            writer.write(b"221 bye\r\n" if line == "QUIT" else b"250 ok\r\n")
    except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
        pass  # whoever called has gone, or all is over
    finally:
        writer.close()
