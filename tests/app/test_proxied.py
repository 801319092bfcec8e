"""Behind a load balancer, SMTP, POP3 and IMAP alike know who the client is, under TLS too."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

from structlog.testing import capture_logs
from tests.app.test_server import certificate, move_in, port

from correo.app import Server, World, bind_all
from correo.clock.system import SystemChance, SystemClock
from correo.config import read

CONFIG = """
hostname = "mail.example.org"
data_dir = "data"
[[listener]]
protocol = "submission"
address = "127.0.0.1:0"
tls = "starttls"
proxy_from = ["127.0.0.0/8"]
[[listener]]
protocol = "pop3"
address = "127.0.0.1:0"
proxy_from = ["127.0.0.0/8"]
[[listener]]
protocol = "imap"
address = "127.0.0.1:0"
tls = "implicit"
proxy_from = ["127.0.0.0/8"]
[auth]
allow_plaintext = true
[tls]
certificate = "cert.pem"
key = "key.pem"
[dns]
servers = ["127.0.0.1:1"]
[limits]
drain = "1s"
"""
HEADER = b"PROXY TCP6 2001:db8::7 2001:db8::1 40000 25\r\n"
NO_VERIFY = ssl._create_unverified_context()


async def fail_to_log_in(port: int, login: bytes, *, tls: bool = False) -> None:
    async with asyncio.timeout(10):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(HEADER)
        if tls:
            await writer.start_tls(NO_VERIFY)
        await reader.readline()
        writer.write(login)
        await reader.read()
        writer.close()


async def test_every_protocol_knows_the_client(tmp_path: Path) -> None:
    certificate(tmp_path, "mail.example.org")
    config = read(CONFIG, tmp_path / "correo.toml")
    server = await Server.open(config, World(SystemClock(), SystemChance()))
    await server.start(bind_all(config.listener))
    credentials = await server.logins.hash("secret")
    await server.db.write(move_in, credentials, server.world.chance, server.world.clock.now())
    try:
        with capture_logs() as logs:
            login = b"AUTH PLAIN AGFsaWNlQGV4YW1wbGUub3JnAHdyb25n\r\n"
            await fail_to_log_in(port(server, 0), b"EHLO client.example\r\n" + login + b"QUIT\r\n")
            await fail_to_log_in(port(server, 1), b"USER alice@example.org\r\nPASS wrong\r\nQUIT\r\n")
            imap = b"1 LOGIN alice@example.org wrong\r\n2 LOGOUT\r\n"
            await fail_to_log_in(port(server, 2), imap, tls=True)
    finally:
        await server.stop()
    failures = [entry for entry in logs if entry["event"] == "authentication failed"]
    assert [entry["address"] for entry in failures] == ["2001:db8::7"] * 3, logs
