"""The whole server as it is started in earnest, under load on loopback, killed at random moments.

Compared with what its clients were told: each 250 stands for one copy in each local mailbox, and at least one at the other server.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from asyncio.subprocess import Process
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from pathlib import Path
from random import Random

import pytest
from tests.journeys.audit import faults
from tests.journeys.server import credentials

from correo import accounts, mailbox, queue
from correo.clock.system import SystemChance, SystemClock
from correo.dns.server import DnsServer
from correo.dns.zone import Zone
from correo.mail.address import Address
from correo.mail.instant import HOUR
from correo.net.listen import bind
from correo.storage.db import Tx
from correo.storage.db.sqlite import Sqlite

pytestmark = pytest.mark.crash

ROUNDS = 5
CLIENTS = 6
USERS = 4  # user0 and so on have a mailbox; far0 and so on are aliases that lead to the other server
SECONDS = 20.0  # for anything that takes a second
NOBODY = 65534
READY, ERROR = b'"event":"ready"', '"level":"error"'
HERE, THERE = "127.0.0.1", "127.0.0.2"

CONFIG = """
hostname = "mail.here.example"
data_dir = "data"
[[listener]]
protocol = "smtp"
address = "{here}:{port}"
[dns]
servers = ["{here}:{dns}"]
[transport]
port = {port}
ipv6 = false
[queue]
retry = ["200ms"]
[log]
format = "json"
"""


class Gone(Exception):
    """The server was killed meanwhile."""


@dataclass(slots=True)
class World:
    """What everybody but the server knows."""

    folder: Path
    port: int
    dice: Random
    begun: int = 0
    promised: list[tuple[str, list[str]]] = field(default_factory=list)  # message and recipients of each 250
    elsewhere: Counter[tuple[str, str]] = field(default_factory=Counter)  # taken by the other server
    over: bool = False  # nobody begins another message


@pytest.mark.parametrize("workers", [1, 2])
async def test_killed_under_load(tmp_path: Path, workers: int) -> None:
    async with asyncio.timeout(120), world_at(tmp_path) as world:
        for _ in range(ROUNDS):
            process = await start(world, workers)
            clients = [asyncio.ensure_future(client(world)) for _ in range(CLIENTS)]
            await asyncio.sleep(world.dice.uniform(0.1, 0.8))
            os.killpg(process.pid, signal.SIGKILL)
            assert await process.wait() == -signal.SIGKILL
            await asyncio.gather(*clients)
        await leases_end(world)
        process = await start(world, workers)
        await until_empty(world)
        process.terminate()
        assert await process.wait() == 0, (world.folder / "log").read_text()
        await compare(world)
        assert ERROR not in (world.folder / "log").read_text()


async def test_workers_are_killed_under_load_and_replaced(tmp_path: Path) -> None:
    async with asyncio.timeout(120), world_at(tmp_path) as world:
        process = await start(world, 2)
        clients = [asyncio.ensure_future(faithful_client(world)) for _ in range(CLIENTS)]
        for _ in range(ROUNDS):
            await asyncio.sleep(world.dice.uniform(0.5, 1.0))
            os.kill(world.dice.choice(children(process.pid)), signal.SIGKILL)
        await asyncio.sleep(1.0)
        world.over = True
        await asyncio.gather(*clients)
        await leases_end(world)
        await until_empty(world)
        process.terminate()
        assert await process.wait() == 0, (world.folder / "log").read_text()
        await compare(world)
        log = (world.folder / "log").read_text()
        assert log.count("a worker ended and is replaced") == log.count(ERROR) == ROUNDS, log


@asynccontextmanager
async def world_at(folder: Path) -> AsyncIterator[World]:
    with bind(f"{HERE}:0") as sock:
        port = sock.getsockname()[1]
    world = World(folder, port, Random(7))
    dns = DnsServer(Zone(f"far.example MX 10 mx.far.example\nmx.far.example A {THERE}"))
    dns_port = await dns.start(HERE, 0)
    (folder / "correo.toml").write_text(CONFIG.format(here=HERE, port=port, dns=dns_port))
    (folder / "data").mkdir()
    await people(world)
    far = await asyncio.start_server(lambda reader, writer: other_server(world, reader, writer), THERE, port)
    try:
        yield world
    finally:
        far.close()
        await dns.close()


async def open_database(world: World) -> Sqlite:
    return await Sqlite.open(world.folder / "data" / "correo.db", now=SystemClock().now(), threaded=False)


async def people(world: World) -> None:
    chance, now = SystemChance(), SystemClock().now()

    async def move_in(tx: Tx) -> None:
        await accounts.add_domain(tx, "here.example", now)
        for number in range(USERS):
            id, address = chance.id(now), Address.parse(f"user{number}@here.example")
            await accounts.add_account(tx, id=id, address=address, credentials=credentials(), now=now)
            await mailbox.open_account(tx, id, chance, now)
            await accounts.add_alias(tx, f"far{number}@here.example", [f"user{number}@far.example"], now)

    db = await open_database(world)
    await db.write(move_in)
    await db.close()


async def start(world: World, workers: int) -> Process:
    """`correo serve` in a process group of its own, once all of it is there."""
    give_away(world.folder)
    with (world.folder / "log").open("ab") as log:
        before = log.tell()
        process = await asyncio.create_subprocess_exec(
            *unprivileged(),
            sys.executable,
            *(
                "-c",
                "from correo.cli import main; main()",
                "--config",
                str(world.folder / "correo.toml"),
                *("serve", "--workers", str(workers)),
            ),
            stderr=log,
            stdout=log,
            start_new_session=True,
        )
    while READY not in (world.folder / "log").read_bytes()[before:]:
        assert process.returncode is None, (world.folder / "log").read_text()
        await asyncio.sleep(0.02)
    return process


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def unprivileged() -> list[str]:
    """In front of the command where root runs the tests, whom the server refuses: become nobody, who may read a private checkout."""
    if os.geteuid() != 0:
        return []
    user = [f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    return ["setpriv", *user, "--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"]


def give_away(folder: Path) -> None:
    """Make nobody the owner, where we are root."""
    if os.geteuid() == 0:
        for path in [folder, *folder.rglob("*")]:
            os.chown(path, NOBODY, NOBODY)


async def client(world: World) -> None:
    """Sends message after message until the server is gone."""
    try:
        reader, writer = await asyncio.open_connection(HERE, world.port)
        try:
            await hear(reader, "220")
            await ask(reader, writer, "EHLO client.example")
            while not world.over:
                await send(world, reader, writer)
        finally:
            writer.close()
    except (Gone, OSError):
        pass


async def faithful_client(world: World) -> None:
    """One who comes again."""
    while not world.over:
        await client(world)


async def send(world: World, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    world.begun += 1
    message = f"<{world.begun}@client.example>"
    names = [f"{kind}{number}@here.example" for kind in ("user", "far") for number in range(USERS)]
    recipients = world.dice.sample(names, world.dice.randint(1, 3))
    lines = ["MAIL FROM:<someone@client.example>", *(f"RCPT TO:<{name}>" for name in recipients), "DATA"]
    for line in lines[:-1]:
        await ask(reader, writer, line)
    await ask(reader, writer, "DATA", "354")
    text = "This line is repeated.\r\n" * world.dice.randint(1, 200)
    await ask(reader, writer, f"Message-ID: {message}\r\nSubject: load\r\n\r\n{text}.")
    world.promised.append((message, recipients))


async def ask(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, line: str, expected: str = "250"
) -> None:
    writer.write(line.encode() + b"\r\n")
    await hear(reader, expected)


async def hear(reader: asyncio.StreamReader, expected: str) -> None:
    while True:
        line = await reader.readline()
        if not line.endswith(b"\n"):
            raise Gone
        assert line.startswith(expected.encode()), line
        if line[3:4] == b" ":
            return


async def other_server(world: World, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
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
                message = str(message_from_bytes(text)["Message-ID"])
                world.elsewhere.update((message, recipient) for recipient in recipients)
                recipients.clear()
            writer.write(b"221 bye\r\n" if line == "QUIT" else b"250 ok\r\n")
    except (OSError, asyncio.IncompleteReadError):
        pass
    finally:
        writer.close()


async def leases_end(world: World) -> None:
    """As if some time had gone by since the last crash."""
    db = await open_database(world)
    await db.write(queue.recover, SystemClock().now() + HOUR)
    await db.close()


async def until_empty(world: World) -> None:
    db = await open_database(world)
    try:
        async with asyncio.timeout(SECONDS):
            while (await db.read(queue.census)).messages:
                await asyncio.sleep(0.05)
    finally:
        await db.close()


async def compare(world: World) -> None:
    db = await open_database(world)
    try:
        assert await db.read(faults) == []
        held = {f"user{number}@here.example": await db.read(_held, number) for number in range(USERS)}
    finally:
        await db.close()
    assert len(world.promised) > ROUNDS * 10, "there was no load to speak of"
    for message, recipients in world.promised:
        for recipient in recipients:
            if recipient.startswith("user"):
                assert held[recipient][message] == 1, (message, recipient)
            else:
                target = recipient.replace("far", "user").replace("here", "far")
                assert world.elsewhere[message, target] >= 1, (message, target)
    for account, messages in held.items():
        assert set(messages.values()) == {1}, account  # those nobody was told of, too


async def _held(tx: Tx, number: int) -> Counter[str]:
    account = await accounts.get_account(tx, f"user{number}@here.example")
    assert account is not None
    box = await mailbox.inbox(tx, account.id)
    assert box is not None
    found: Counter[str] = Counter()
    for message in await mailbox.messages(tx, box.id, None):
        found[str(message_from_bytes(await mailbox.raw(tx, message.content_id))["Message-ID"])] += 1
    return found
