"""The same walk over real sockets, with real TLS."""

from __future__ import annotations

import asyncio
import ssl

import pytest
import trustme

from correo.clock.system import SystemChance, SystemClock
from correo.dns.zone import Zone, ZoneResolver
from correo.mail.address import Address
from correo.mail.outcome import Deferred, Delivered, Outcome
from correo.net.stream import SocketDialer
from correo.transport import Outgoing
from correo.transport.remote import Options, RemoteTransport
from correo.transport.smarthost import Smarthost

ZONE = "there.example MX 1 mx.there.example\nmx.there.example A 127.0.0.1\nrelay.example A 127.0.0.1"
BOB = Address.parse("bob@there.example")


class Server:
    """Takes everything; `broken`: answers a handshake with something else; `injected`: follows the 220 in clear text."""

    def __init__(self, *, broken: bool = False, injected: bytes = b"") -> None:
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        trustme.CA().issue_cert("relay.example").configure_cert(self.context)
        self.broken = broken
        self.injected = injected
        self.log: list[bytes] = []
        self.errors: list[Exception] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._serve(reader, writer)
        except (OSError, asyncio.IncompleteReadError) as error:
            self.errors.append(error)
        finally:
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 localhost ESMTP\r\n")
        while True:
            line = (await reader.readuntil(b"\r\n")).rstrip()
            self.log.append(line)
            if line == b"STARTTLS":
                writer.write(b"220 go\r\n" + self.injected)
                if self.broken:
                    writer.write(b"\x15what?\r\n" * 50)
                    return
                await writer.start_tls(self.context)
            elif line.startswith(b"EHLO"):
                writer.write(b"250-localhost\r\n250-STARTTLS\r\n250-AUTH PLAIN\r\n250 PIPELINING\r\n")
            elif line == b"DATA":
                writer.write(b"354 go\r\n")
                await reader.readuntil(b"\r\n.\r\n")
                writer.write(b"250 2.0.0 ok\r\n")
            elif line == b"QUIT":
                writer.write(b"221 bye\r\n")
                return
            else:
                writer.write(b"250 ok\r\n")


async def deliver(server: Server, *, smarthost: bool = False) -> Outcome:
    async def content() -> bytes:
        return b"Subject: x\r\n\r\n" + b"line\r\n" * 50_000

    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0, limit=2**20)
    port = listening.sockets[0].getsockname()[1]
    relay = Smarthost("relay.example", port, "ana", "secret") if smarthost else None
    clock = SystemClock()
    transport = RemoteTransport(
        ZoneResolver(Zone(ZONE), clock),
        SocketDialer(),
        clock,
        SystemChance(),
        Options("mail.here.example", port=port, ipv6=False, smarthost=relay),
    )
    (outcome,) = await transport.deliver(Outgoing(None, content, 300_000, "7BIT", False), [BOB])
    await transport.close()
    listening.close()
    await listening.wait_closed()
    return outcome


async def test_any_certificate_will_do() -> None:
    server = Server()
    outcome = await deliver(server)
    assert isinstance(outcome, Delivered)
    assert outcome.tls.startswith("TLSv1.3")
    assert server.log.count(b"EHLO mail.here.example") == 2
    assert server.log[-1] == b"QUIT"


@pytest.mark.parametrize(
    "injected",
    [
        b"250-evil\r\n250 SIZE 10\r\n",
        b"250-evil\r\n250-SIZE 10\r\n250 ",
        b"421 go away\r\n",
        b"250 x\r\n" * 9 + b"354 x\r\n250 it is mine\r\n",
    ],
    ids=["EHLO", "half of EHLO", "421", "all there is to say"],
)
async def test_answers_in_clear_text_behind_the_220_are_none(injected: bytes) -> None:
    """Somebody on the way cannot speak for the server under TLS (response injection)."""
    server = Server(injected=injected)
    outcome = await deliver(server)
    assert isinstance(outcome, Delivered)
    assert outcome.status.text == "ok"
    assert outcome.tls
    assert server.log.count(b"EHLO mail.here.example") == 2


async def test_a_broken_handshake_is_followed_by_clear_text() -> None:
    server = Server(broken=True)
    outcome = await deliver(server)
    assert isinstance(outcome, Delivered)
    assert outcome.tls == ""


async def test_a_password_goes_only_to_whom_the_system_trusts() -> None:
    server = Server()
    outcome = await deliver(server, smarthost=True)
    assert isinstance(outcome, Deferred)
    assert outcome.status.enhanced == "4.7.5"
    assert not any(line.startswith(b"AUTH") for line in server.log)


async def test_nobody_listens() -> None:
    clock = SystemClock()
    options = Options("mail.here.example", port=1, ipv6=False)
    transport = RemoteTransport(
        ZoneResolver(Zone(ZONE), clock), SocketDialer(), clock, SystemChance(), options
    )

    async def content() -> bytes:
        return b""

    (outcome,) = await transport.deliver(
        Outgoing(None, content, 0, "7BIT", False), [Address.parse("bob@[127.0.0.1]")]
    )
    assert isinstance(outcome, Deferred)
    assert outcome.status.text.endswith("refused")
