"""The same judgements over real sockets, on both event loops: what each of them lets us see of a handshake."""

from __future__ import annotations

import asyncio
import hashlib
import ssl
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
import trustme
import uvloop
from tests.transport.test_sockets import BOB, ZONE, Server

from correo.clock.system import SystemChance, SystemClock
from correo.dns.zone import Zone, ZoneResolver
from correo.mail.outcome import Deferred, Delivered, Outcome
from correo.net.stream import SocketDialer
from correo.storage.db.sqlite import Sqlite
from correo.transport import Outgoing
from correo.transport.policy.guard import Policies, Settings
from correo.transport.remote import Options, RemoteTransport

ROOT = trustme.CA()
MIDDLE = ROOT.create_child_ca()
MX = "mx.there.example"

Run = Callable[[Coroutine[Any, Any, Outcome]], Outcome]


def der(pem: trustme.Blob) -> bytes:
    return ssl.PEM_cert_to_DER_cert(pem.bytes().decode())


async def deliver(folder: Path, name: str, *lines: str, verify: bool = False) -> Outcome:
    """To a server with a certificate for `name`; each of `lines` is of the zone, PORT and OWN filled in."""

    async def content() -> bytes:
        return b"Subject: x\r\n\r\nbody\r\n"

    server = Server()
    server.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    issued = MIDDLE.issue_cert(name)
    issued.configure_cert(server.context)
    own = hashlib.sha256(der(issued.cert_chain_pems[0])).hexdigest()
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    zone = Zone(ZONE, authentic=True)
    for line in lines:
        zone.add(line.replace("PORT", str(port)).replace("OWN", own))
    clock, dialer = SystemClock(), SocketDialer()
    resolver = ZoneResolver(zone, clock)
    verified = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    ROOT.configure_trust(verified)
    db = await Sqlite.open(folder / "correo.db", now=0, threaded=False)
    settings = Settings(verify=["*"] if verify else [], sts=False, ipv6=False)
    guard = Policies(db, resolver, dialer, clock, settings, verified)
    options = Options("mail.here.example", port=port, ipv6=False)
    transport = RemoteTransport(resolver, dialer, clock, SystemChance(), options, guard)
    (outcome,) = await transport.deliver(Outgoing(None, content, 24, "7BIT", False), [BOB])
    await transport.close()
    await db.close()
    listening.close()
    await listening.wait_closed()
    return outcome


def in_asyncio(main: Coroutine[Any, Any, Outcome]) -> Outcome:
    return asyncio.run(main)


def in_uvloop(main: Coroutine[Any, Any, Outcome]) -> Outcome:
    return uvloop.run(main)


@pytest.fixture(params=[in_asyncio, in_uvloop])
def run(request: pytest.FixtureRequest) -> Run:
    made: Run = request.param
    return made


MIDDLE_DIGEST = hashlib.sha256(der(MIDDLE.cert_pem)).hexdigest()


@pytest.mark.parametrize(
    ("name", "line", "taken"),
    [
        ("other.example", f"_PORT._tcp.{MX} TLSA 3 0 1 OWN", True),
        (MX, f"_PORT._tcp.{MX} TLSA 3 0 1 {'00' * 32}", False),
        (MX, f"_PORT._tcp.{MX} TLSA 2 0 1 {MIDDLE_DIGEST}", True),
        ("there.example", f"_PORT._tcp.{MX} TLSA 2 0 1 {MIDDLE_DIGEST}", True),
        ("other.example", f"_PORT._tcp.{MX} TLSA 2 0 1 {MIDDLE_DIGEST}", False),
        (MX, f"_PORT._tcp.{MX} TLSA 2 0 1 {'00' * 32}", False),
        (MX, f"_PORT._tcp.{MX} TLSA 2 0 0 {der(ROOT.cert_pem).hex()}", True),
    ],
)
def test_dane(tmp_path: Path, run: Run, name: str, line: str, taken: bool) -> None:
    outcome = run(deliver(tmp_path, name, line))
    assert isinstance(outcome, Delivered) is taken
    if isinstance(outcome, Delivered):
        assert outcome.policy == "DANE"
        assert outcome.tls.startswith("TLSv1.3")


@pytest.mark.parametrize(("name", "taken"), [(MX, True), ("other.example", False)])
def test_a_certificate_of_the_mail_host(tmp_path: Path, run: Run, name: str, taken: bool) -> None:
    outcome = run(deliver(tmp_path, name, verify=True))
    if taken:
        assert isinstance(outcome, Delivered)
        assert outcome.policy == "verified"
    else:
        assert isinstance(outcome, Deferred)
        assert "its certificate is for another name" in outcome.status.text
