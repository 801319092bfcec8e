"""Octets in clear text around STARTTLS and STLS, on real sockets with real TLS: none of them is ever a command under TLS, whoever put
them there and however they are cut (RFC 3207 §4.2, CVE-2011-0411, and NO STARTTLS of 2021).
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.app.test_server import certificate, messages, move_in, port

from correo.app import Server, World, bind_all
from correo.clock.system import SystemChance, SystemClock
from correo.config import read

CONFIG = """
hostname = "mail.example.org"
data_dir = "data"
[[listener]]
protocol = "smtp"
address = "127.0.0.1:0"
tls = "starttls"
[[listener]]
protocol = "submission"
address = "127.0.0.1:0"
tls = "starttls"
[[listener]]
protocol = "imap"
address = "127.0.0.1:0"
tls = "starttls"
[[listener]]
protocol = "pop3"
address = "127.0.0.1:0"
tls = "starttls"
[tls]
certificate = "cert.pem"
key = "key.pem"
[dns]
servers = ["127.0.0.1:1"]
[limits]
drain = "1s"
"""
SECONDS = 30.0  # a server on this machine has answered long before


@dataclass(frozen=True)
class Protocol:
    """`before` is said first, `upgrade` asks for TLS, `payload` is injected. Under TLS `ask` is answered with `answer` first of
    all, and so it is after `beginning`, the half of a line that was injected. `proof` is refused: nothing was kept.
    """

    position: int
    before: tuple[bytes, ...]
    upgrade: bytes
    payload: bytes
    beginning: bytes
    ask: bytes
    answer: bytes
    proof: tuple[bytes, bytes]


LOGIN = b"AGFsaWNlQGV4YW1wbGUub3JnAHNlY3JldA=="
PROTOCOLS = {
    "smtp": Protocol(
        0,
        (b"EHLO before.example", b"MAIL FROM:<evil@example.com>", b"RCPT TO:<alice@example.org>"),
        b"STARTTLS",
        b"EHLO x\r\nMAIL FROM:<evil@example.com>\r\nRCPT TO:<alice@example.org>\r\nDATA\r\nSubject: x\r\n\r\n.\r\n",
        b"MAIL FROM:<evil@example.com> X=",
        b"NOOP",
        b"250 2.0.0 Ok",
        (b"RCPT TO:<alice@example.org>", b"503 "),
    ),
    "submission": Protocol(
        1,
        (b"EHLO before.example",),
        b"STARTTLS",
        b"EHLO x\r\nAUTH PLAIN " + LOGIN + b"\r\nMAIL FROM:<alice@example.org>\r\n",
        b"AUTH PLAIN ",
        b"NOOP",
        b"250 2.0.0 Ok",
        (b"MAIL FROM:<alice@example.org>", b"503 "),
    ),
    "imap": Protocol(
        2,
        (b"a NOOP",),
        b"b STARTTLS",
        b"c LOGIN alice@example.org secret\r\nd SELECT INBOX\r\n",
        b"c LOGIN alice@example.org {6+}\r\n",
        b"e NOOP",
        b"e OK",
        (b"f SELECT INBOX", b"f BAD"),
    ),
    "pop3": Protocol(
        3,
        (b"USER alice@example.org",),
        b"STLS",
        b"USER alice@example.org\r\nPASS secret\r\nSTAT\r\n",
        b"USER ",
        b"CAPA",
        b"+OK",
        (b"PASS secret", b"-ERR"),
    ),
}


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    """In the end no message came of whatever was injected."""
    certificate(tmp_path, "mail.example.org")
    config = read(CONFIG, tmp_path / "correo.toml")
    server = await Server.open(config, World(SystemClock(), SystemChance()))
    await server.start(bind_all(config.listener))
    credentials = await server.logins.hash("secret")
    await server.db.write(move_in, credentials, server.world.chance, server.world.clock.now())
    yield server
    assert await server.db.read(messages) == 0
    await server.stop()


class Wire:
    """A TCP connection whose octets are all in our hands, those of the handshake, too."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        context = ssl._create_unverified_context()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname="mail.example.org")

    @classmethod
    async def to(cls, server: Server, protocol: Protocol) -> Wire:
        wire = cls(*await asyncio.open_connection("127.0.0.1", port(server, protocol.position)))
        await wire.line()
        for line in protocol.before:
            await wire.write(line + b"\r\n")
            while (await wire.line())[3:4] == b"-":
                pass
        return wire

    async def write(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    async def line(self) -> bytes:
        async with asyncio.timeout(SECONDS):
            return await self._reader.readline()

    def hello(self) -> bytes:
        """The client's first octets of the handshake."""
        with pytest.raises(ssl.SSLWantReadError):
            self._tls.do_handshake()
        return self._outgoing.read()

    async def handshake(self) -> None:
        """Raises ssl.SSLError or EOFError where it fails."""
        while True:
            try:
                self._tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                await self.write(self._outgoing.read())
                await self._more()
        await self.write(self._outgoing.read())

    async def under_tls(self, line: bytes) -> bytes:
        """The first line of the answer."""
        self._tls.write(line + b"\r\n")
        await self.write(self._outgoing.read())
        heard = b""
        while b"\r\n" not in heard:
            try:
                heard += self._tls.read(65536)
            except ssl.SSLWantReadError:
                await self._more()
        return heard.partition(b"\r\n")[0]

    async def _more(self) -> None:
        async with asyncio.timeout(SECONDS):
            data = await self._reader.read(65536)
        if not data:
            raise EOFError
        self._incoming.write(data)

    async def close(self) -> None:
        self._writer.close()


async def check(wire: Wire, protocol: Protocol) -> None:
    """After the handshake: what is said is answered, that alone, and by a server that knows nothing from before."""
    await wire.handshake()
    assert (await wire.under_tls(protocol.ask)).startswith(protocol.answer)
    ask, refusal = protocol.proof
    assert (await wire.under_tls(ask)).startswith(refusal)
    await wire.close()


pytestmark = pytest.mark.parametrize("protocol", PROTOCOLS.values(), ids=PROTOCOLS)


async def test_in_the_same_segment(server: Server, protocol: Protocol) -> None:
    wire = await Wire.to(server, protocol)
    await wire.write(protocol.upgrade + b"\r\n" + protocol.payload)
    await wire.line()
    await check(wire, protocol)


async def test_half_a_line_in_the_same_segment(server: Server, protocol: Protocol) -> None:
    """What is said under TLS begins a line of its own."""
    wire = await Wire.to(server, protocol)
    await wire.write(protocol.upgrade + b"\r\n" + protocol.beginning)
    await wire.line()
    await check(wire, protocol)


async def test_in_a_segment_right_after_it(server: Server, protocol: Protocol) -> None:
    wire = await Wire.to(server, protocol)
    await wire.write(protocol.upgrade + b"\r\n")
    await wire.write(protocol.payload)
    await wire.line()
    try:
        await check(wire, protocol)
    except (ssl.SSLError, EOFError, ConnectionError):
        pass  # it came after the server had begun the handshake, and was no part of one


async def test_octet_by_octet(server: Server, protocol: Protocol) -> None:
    wire = await Wire.to(server, protocol)
    for octet in protocol.upgrade + b"\r\n" + protocol.payload:
        await wire.write(bytes([octet]))
    await wire.line()
    try:
        await check(wire, protocol)
    except (ssl.SSLError, EOFError, ConnectionError):
        pass  # as above


async def test_after_the_answer_and_before_the_handshake(server: Server, protocol: Protocol) -> None:
    """The server waits for a handshake: clear text is none, and ends the connection."""
    wire = await Wire.to(server, protocol)
    await wire.write(protocol.upgrade + b"\r\n")
    await wire.line()
    await wire.write(protocol.payload + wire.hello())
    with pytest.raises((ssl.SSLError, EOFError, ConnectionError)):
        await check(wire, protocol)


async def test_a_handshake_that_does_not_wait_for_the_answer(server: Server, protocol: Protocol) -> None:
    """Its octets came in clear text, as far as anybody can tell: they are thrown away like all others, and nothing comes of it."""
    wire = await Wire.to(server, protocol)
    await wire.write(protocol.upgrade + b"\r\n" + wire.hello())
    answer = await wire.line()
    assert answer[:3] in (b"220", b"+OK") or answer.startswith(b"b OK")
    await wire.write(protocol.payload)
    with pytest.raises((ssl.SSLError, EOFError, ConnectionError)):
        await wire.handshake()


async def test_what_was_said_before_is_forgotten(server: Server, protocol: Protocol) -> None:
    wire = await Wire.to(server, protocol)
    await wire.write(protocol.upgrade + b"\r\n")
    await wire.line()
    await check(wire, protocol)


async def test_tls_within_tls_is_refused(server: Server, protocol: Protocol) -> None:
    wire = await Wire.to(server, protocol)
    await wire.write(protocol.upgrade + b"\r\n")
    await wire.line()
    await wire.handshake()
    if protocol.upgrade == b"STARTTLS":
        await wire.under_tls(b"EHLO again.example")
    assert not (await wire.under_tls(protocol.upgrade)).startswith((b"220", b"+OK", b"b OK"))
    await wire.close()
