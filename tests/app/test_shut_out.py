"""A server that serves, and another process that takes somebody's account away."""

from __future__ import annotations

import asyncio
from pathlib import Path

from structlog.testing import capture_logs

from correo import accounts, mailbox
from correo.app import Server, World, bind_all
from correo.clock import Chance
from correo.clock.system import SystemChance, SystemClock
from correo.config import DATABASE, read
from correo.mail.address import Address
from correo.net.listen import split_host_port
from correo.storage.db import Tx
from correo.storage.db.sqlite import Sqlite

CONFIG = """
hostname = "mail.example.org"
data_dir = "data"
[[listener]]
protocol = "imap"
address = "127.0.0.1:0"
[[listener]]
protocol = "pop3"
address = "127.0.0.1:0"
[[listener]]
protocol = "submission"
address = "127.0.0.1:0"
[auth]
allow_plaintext = true
[dns]
servers = ["127.0.0.1:1"]
[limits]
drain = "1s"
"""
ALICE = Address.parse("alice@example.org")
SASL = b"AGFsaWNlQGV4YW1wbGUub3JnAHNlY3JldA=="


async def move_in(tx: Tx, credentials: accounts.Credentials, chance: Chance, now: int) -> None:
    await accounts.add_domain(tx, "example.org", now)
    account = await accounts.add_account(
        tx, id=chance.id(now), address=ALICE, credentials=credentials, now=now
    )
    await mailbox.open_account(tx, account.id, chance, now)


async def test_open_sessions_end_soon(tmp_path: Path) -> None:
    config = read(CONFIG, tmp_path / "correo.toml")
    server = await Server.open(config, World(SystemClock(), SystemChance()))
    await server.start(bind_all(config.listener))
    credentials = await server.logins.hash("secret")
    await server.db.write(move_in, credentials, server.world.chance, server.world.clock.now())

    async def logged_in(position: int, words: bytes, until: bytes) -> asyncio.StreamReader:
        port = split_host_port(server.listeners[position].address)[1]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writers.append(writer)
        writer.write(words)
        await reader.readuntil(until)
        await reader.readline()
        return reader

    writers: list[asyncio.StreamWriter] = []
    with capture_logs():
        imap = await logged_in(0, b"a AUTHENTICATE PLAIN " + SASL + b"\r\n", b"a OK ")
        pop3 = await logged_in(1, b"AUTH PLAIN " + SASL + b"\r\n", b"Maildrop has")
        smtp = await logged_in(2, b"EHLO client.example\r\nAUTH PLAIN " + SASL + b"\r\n", b"235 ")
        elsewhere = await Sqlite.open(tmp_path / "data" / DATABASE, now=0)
        await elsewhere.write(accounts.set_enabled, ALICE.folded, False)
        await elsewhere.close()
        async with asyncio.timeout(30):
            said = [await reader.read() for reader in (imap, pop3, smtp)]
        for writer in writers:
            writer.close()
        await server.stop()
    assert said[0].startswith(b"* BYE ")
    assert said[1] == b""
    assert said[2].startswith(b"421 4.7.0 ")
