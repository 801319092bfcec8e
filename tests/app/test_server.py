"""The parts put together: a server that starts, serves, is reloaded and stops."""

from __future__ import annotations

import asyncio
import smtplib
import ssl
from pathlib import Path

import pytest
import trustme

from correo import accounts, mailbox
from correo.app import Server, World, bind_all
from correo.clock import Chance
from correo.clock.system import SystemChance, SystemClock
from correo.config import read
from correo.mail.address import Address
from correo.net.listen import split_host_port
from correo.storage.db import Tx

CONFIG = """
hostname = "mail.example.org"
data_dir = "data"
[[listener]]
protocol = "smtp"
address = "127.0.0.1:0"
tls = "starttls"
[[listener]]
protocol = "lmtp"
address = "unix:{folder}/lmtp"
[[listener]]
protocol = "imap"
address = "127.0.0.1:0"
tls = "implicit"
[tls]
certificate = "cert.pem"
key = "key.pem"
[dns]
servers = ["127.0.0.1:1"]
[limits]
drain = "1s"
"""


def certificate(folder: Path, name: str) -> None:
    issued = trustme.CA().issue_cert(name)
    issued.cert_chain_pems[0].write_to_path(str(folder / "cert.pem"))
    issued.private_key_pem.write_to_path(str(folder / "key.pem"))


async def move_in(tx: Tx, credentials: accounts.Credentials, chance: Chance, now: int) -> None:
    await accounts.add_domain(tx, "example.org", now)
    address = Address.parse("alice@example.org")
    account = await accounts.add_account(
        tx, id=chance.id(now), address=address, credentials=credentials, now=now
    )
    await mailbox.open_account(tx, account.id, chance, now)


async def started(folder: Path) -> Server:
    certificate(folder, "mail.example.org")
    config = read(CONFIG.format(folder=folder), folder / "correo.toml")
    server = await Server.open(config, World(SystemClock(), SystemChance()))
    await server.start(bind_all(config.listener))
    credentials = await server.logins.hash("secret")
    await server.db.write(move_in, credentials, server.world.chance, server.world.clock.now())
    return server


def port(server: Server, position: int) -> int:
    return split_host_port(server.listeners[position].address)[1]


def send(port: int) -> None:
    with smtplib.SMTP("127.0.0.1", port, timeout=10) as client:
        client.starttls(context=ssl._create_unverified_context())
        client.sendmail("bob@example.com", ["alice@example.org"], "Subject: hello\r\n\r\nText\r\n")


def served_certificate(port: int) -> bytes:
    return ssl.get_server_certificate(("127.0.0.1", port), timeout=10).encode()


async def messages(tx: Tx) -> int:
    row = await tx.one("SELECT sum(messages) FROM mailbox_mailbox")
    assert row
    return int(row[0])


async def test_mail_comes_in_over_tls_and_by_lmtp(tmp_path: Path) -> None:
    server = await started(tmp_path)
    await asyncio.to_thread(send, port(server, 0))
    reader, writer = await asyncio.open_unix_connection(str(tmp_path / "lmtp"))
    writer.write(
        b"LHLO front.example.org\r\nMAIL FROM:<bob@example.com>\r\nRCPT TO:<alice@example.org>\r\nDATA\r\n"
        b"Subject: by lmtp\r\n\r\nText\r\n.\r\nQUIT\r\n"
    )
    said = await reader.read(-1)
    writer.close()
    assert b"250 2.0.0 Ok: queued as" in said
    assert await server.db.read(messages) == 2
    await server.stop()


async def test_a_new_certificate_is_served_after_reload(tmp_path: Path) -> None:
    server = await started(tmp_path)
    before = await asyncio.to_thread(served_certificate, port(server, 2))
    certificate(tmp_path, "mail.example.org")
    server.reload(server.config)
    after = await asyncio.to_thread(served_certificate, port(server, 2))
    assert before != after
    (tmp_path / "key.pem").write_text("nonsense")
    server.reload(server.config)
    assert await asyncio.to_thread(served_certificate, port(server, 2)) == after
    await server.stop()


async def test_stopping_says_goodbye_to_those_who_are_there(tmp_path: Path) -> None:
    server = await started(tmp_path)
    reader, writer = await asyncio.open_connection("127.0.0.1", port(server, 0))
    assert (await reader.readline()).startswith(b"220 ")
    stopping = asyncio.ensure_future(server.stop())
    assert (await reader.readline()).startswith(b"421 4.3.2 ")
    assert await reader.read() == b""
    writer.close()
    await stopping
    with pytest.raises(OSError):
        await asyncio.open_connection("127.0.0.1", port(server, 0))


async def test_who_does_not_come_to_an_end_is_told_when_he_is_cut_off(tmp_path: Path) -> None:
    server = await started(tmp_path)
    reader, writer = await asyncio.open_connection("127.0.0.1", port(server, 0))
    writer.write(b"EHLO client.example.org\r\nMAIL FROM:<bob@example.com>\r\n")
    while not (await reader.readline()).startswith(b"250 2.1.0"):
        pass
    await server.stop()
    assert await reader.read() == b"421 4.3.2 Server shutting down\r\n"
    writer.close()


async def test_a_message_that_has_begun_comes_to_its_end(tmp_path: Path) -> None:
    server = await started(tmp_path)
    reader, writer = await asyncio.open_connection("127.0.0.1", port(server, 0))
    writer.write(b"EHLO client.example.org\r\nMAIL FROM:<bob@example.com>\r\n")
    while not (await reader.readline()).startswith(b"250 2.1.0"):
        pass
    stopping = asyncio.ensure_future(server.stop())
    await asyncio.sleep(0)
    writer.write(b"RCPT TO:<alice@example.org>\r\nDATA\r\n")
    assert (await reader.readline()).startswith(b"250 ")
    assert (await reader.readline()).startswith(b"354 ")
    writer.write(b"Subject: hello\r\n\r\nText\r\n.\r\n")
    assert (await reader.readline()).startswith(b"250 ")
    assert (await reader.readline()).startswith(b"421 ")
    assert await reader.read() == b""
    writer.close()
    await stopping


async def test_options_are_taken_over_by_new_connections(tmp_path: Path) -> None:
    server = await started(tmp_path)
    text = CONFIG.format(folder=tmp_path).replace('drain = "1s"', 'drain = "1s"\nmessage_size = "1MiB"')
    server.reload(read(text, tmp_path / "correo.toml"))
    reader, writer = await asyncio.open_connection("127.0.0.1", port(server, 0))
    writer.write(b"EHLO client.example.org\r\nQUIT\r\n")
    assert b"250-SIZE 1048576\r\n" in await reader.read()
    writer.close()
    for _ in range(1000):
        if len(server._workers) == 1:
            break
        await asyncio.sleep(0.01)
    assert len(server._workers) == 1
    watching = asyncio.ensure_future(server.failed())
    await asyncio.sleep(0)
    assert not watching.done()
    watching.cancel()
    await server.stop()


async def test_what_cannot_change_while_serving_stays(tmp_path: Path) -> None:
    server = await started(tmp_path)
    text = CONFIG.format(folder=tmp_path).replace("mail.example.org", "other.example.org")
    server.reload(read(text, tmp_path / "correo.toml"))
    assert server.config.hostname == "mail.example.org"
    await server.stop()


async def test_a_taken_port_is_named(tmp_path: Path) -> None:
    server = await started(tmp_path)
    taken = CONFIG.replace("127.0.0.1:0", server.listeners[0].address, 1).format(folder=tmp_path)
    with pytest.raises(OSError, match=r"cannot listen on 127\.0\.0\.1:\d+ for smtp"):
        bind_all(read(taken, tmp_path / "correo.toml").listener)
    await server.stop()
