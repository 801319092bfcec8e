"""Logging in over real TLS: channel binding with a foreign client, certificates of people, and what a reload changes."""

from __future__ import annotations

import asyncio
import hashlib
import imaplib
import smtplib
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trustme
from scramp import ScramClient
from structlog.testing import capture_logs
from tests.app.test_server import move_in

from correo.app import Server, World, bind_all
from correo.clock.system import SystemChance, SystemClock
from correo.config import Config, read
from correo.net.listen import split_host_port

CONFIG = """
hostname = "localhost"
data_dir = "data"
[[listener]]
protocol = "imap"
address = "127.0.0.1:0"
tls = "implicit"
[[listener]]
protocol = "submission"
address = "127.0.0.1:0"
tls = "starttls"
[[listener]]
protocol = "smtp"
address = "127.0.0.1:0"
tls = "starttls"
[tls]
certificate = "cert.pem"
key = "key.pem"
client_ca = "people.pem"
[auth]
end_point_binding = true
mechanisms = ["SCRAM-SHA-256-PLUS", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-1", "EXTERNAL", "PLAIN"]
[dns]
servers = ["127.0.0.1:1"]
[limits]
drain = "1s"
"""


class House:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ours, self.people, self.others = trustme.CA(), trustme.CA(), trustme.CA()
        self.renew()
        self.people.cert_pem.write_to_path(str(folder / "people.pem"))

    def renew(self) -> None:
        issued = self.ours.issue_cert("localhost")
        issued.cert_chain_pems[0].write_to_path(str(self.folder / "cert.pem"))
        issued.private_key_pem.write_to_path(str(self.folder / "key.pem"))

    def config(self, text: str = CONFIG) -> Config:
        return read(text, self.folder / "correo.toml")

    async def start(self) -> None:
        config = self.config()
        self.server = await Server.open(config, World(SystemClock(), SystemChance()))
        await self.server.start(bind_all(config.listener))
        world = self.server.world
        credentials = await self.server.logins.hash("secret")
        await self.server.db.write(move_in, credentials, world.chance, world.clock.now())

    def port(self, position: int) -> int:
        return split_host_port(self.server.listeners[position].address)[1]

    def context(self, *addresses: str, by: trustme.CA | None = None) -> ssl.SSLContext:
        context = ssl.create_default_context()
        self.ours.configure_trust(context)
        if addresses:
            (by or self.people).issue_cert(*addresses, common_name="Alice").configure_cert(context)
        return context

    def imap(self, context: ssl.SSLContext) -> imaplib.IMAP4_SSL:
        return imaplib.IMAP4_SSL("localhost", self.port(0), ssl_context=context, timeout=10)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    house = House(tmp_path)
    await house.start()
    yield house
    await house.server.stop()


class Scram:
    """SCRAM for imaplib."""

    def __init__(self, mechanism: str, binding: tuple[str, bytes] | None = None) -> None:
        self._client = ScramClient([mechanism], "alice@example.org", "secret", channel_binding=binding)
        self._steps = [self._first, self._final, self._end]

    def __call__(self, challenge: bytes) -> bytes:
        return self._steps.pop(0)(challenge)

    def _first(self, _: bytes) -> bytes:
        return bytes(self._client.get_client_first().encode())

    def _final(self, challenge: bytes) -> bytes:
        self._client.set_server_first(challenge.decode())
        return bytes(self._client.get_client_final().encode())

    def _end(self, challenge: bytes) -> bytes:
        self._client.set_server_final(challenge.decode())
        return b""


def bindings(imap: imaplib.IMAP4_SSL) -> dict[str, bytes]:
    """Those of the client's side."""
    sock = imap.sock
    assert isinstance(sock, ssl.SSLSocket)
    shown = sock.getpeercert(binary_form=True)
    assert shown is not None
    unique = sock.get_channel_binding("tls-unique") if sock.version() == "TLSv1.2" else None
    found = {"tls-server-end-point": hashlib.sha256(shown).digest(), "tls-unique": unique}
    return {kind: data for kind, data in found.items() if data}


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-256-PLUS", "SCRAM-SHA-1-PLUS"])
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_channel_binding(house: House, mechanism: str, version: ssl.TLSVersion) -> None:
    def talk() -> None:
        context = house.context()
        context.maximum_version = version
        with house.imap(context) as imap:
            found = bindings(imap)
        assert len(found) == (2 if version is ssl.TLSVersion.TLSv1_2 else 1)
        for kind in found:
            with house.imap(context) as imap:
                assert f"AUTH={mechanism}" in imap.capabilities
                imap.authenticate(mechanism, Scram(mechanism, (kind, bindings(imap)[kind])))
            with (
                house.imap(context) as imap,
                pytest.raises(imaplib.IMAP4.error, match="AUTHENTICATIONFAILED"),
            ):
                imap.authenticate(mechanism, Scram(mechanism, (kind, b"of another connection")))

    await asyncio.to_thread(talk)


async def test_the_binding_follows_the_certificate(house: House) -> None:
    def talk(old: bytes) -> bytes:
        with house.imap(house.context()) as imap:
            now = bindings(imap)["tls-server-end-point"]
            assert now != old
            imap.authenticate(
                "SCRAM-SHA-256-PLUS", Scram("SCRAM-SHA-256-PLUS", ("tls-server-end-point", now))
            )
            return now

    first = await asyncio.to_thread(talk, b"")
    house.renew()
    house.server.reload(house.config())
    await asyncio.to_thread(talk, first)


async def test_certificates_of_people(house: House) -> None:
    def talk() -> None:
        with house.imap(house.context("alice@example.org")) as imap:
            assert "AUTH=EXTERNAL" in imap.capabilities
            imap.authenticate("EXTERNAL", lambda _: b"")
        with house.imap(house.context("bob@example.org")) as imap, pytest.raises(imaplib.IMAP4.error):
            imap.authenticate("EXTERNAL", lambda _: b"alice@example.org")
        with house.imap(house.context()) as imap:
            assert "AUTH=EXTERNAL" not in imap.capabilities
        # Under TLS 1.3 the client learns it with the first answer; either way no greeting comes.
        with pytest.raises((ssl.SSLError, ConnectionError, imaplib.IMAP4.abort)):
            house.imap(house.context("alice@example.org", by=house.others))
        with smtplib.SMTP("localhost", house.port(1), timeout=10) as smtp:
            smtp.starttls(context=house.context("alice@example.org"))
            smtp.ehlo()
            assert "EXTERNAL" in smtp.esmtp_features["auth"].split()
            smtp.auth("EXTERNAL", lambda challenge=None: "alice@example.org")
            smtp.sendmail(
                "alice@example.org", ["alice@example.org"], b"From: alice@example.org\r\n\r\nhello\r\n"
            )

    with capture_logs() as logged:
        await asyncio.to_thread(talk)
    (accepted,) = [line for line in logged if line["event"] == "accepted"]
    assert accepted["certificate"] == "alice@example.org"
    assert accepted["tls"].startswith("TLSv1.")


async def test_other_servers_are_not_asked_for_theirs(house: House) -> None:
    """A mail server may have a certificate from anybody, and show it to whoever asks."""

    def talk() -> None:
        with smtplib.SMTP("localhost", house.port(2), timeout=10) as smtp:
            smtp.starttls(context=house.context("relay@example.net", by=house.others))
            assert smtp.ehlo()[0] == 250

    await asyncio.to_thread(talk)


async def test_mechanisms_change_with_a_reload(house: House) -> None:
    def offered() -> set[str]:
        with house.imap(house.context("alice@example.org")) as imap:
            return {word.removeprefix("AUTH=") for word in imap.capabilities if word.startswith("AUTH=")}

    every = {"SCRAM-SHA-256-PLUS", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-1", "EXTERNAL", "PLAIN"}
    assert await asyncio.to_thread(offered) == every
    plain = CONFIG.replace('client_ca = "people.pem"', "").replace("end_point_binding = true", "")
    house.server.reload(house.config(plain.replace('"EXTERNAL", "PLAIN"', '"EXTERNAL", "LOGIN"')))
    assert await asyncio.to_thread(offered) == {"SCRAM-SHA-1", "LOGIN"}


async def test_a_reload_tells_what_it_does_not_change(house: House) -> None:
    for number, told in ((3, ["auth.concurrency"]), (2, [])):
        with capture_logs() as logged:
            house.server.reload(house.config(CONFIG.replace("[auth]", f"[auth]\nconcurrency = {number}")))
        assert [entry["option"] for entry in logged if "option" in entry] == told


async def test_a_reload_that_cannot_be_leaves_everything(house: House) -> None:
    """The secret of the authorization server is not there."""
    oauth = '[oauth]\nintrospection = "http://localhost:1/"\nclient_id = "a"\nclient_secret_file = "secret"\n'
    before, context = house.server.config, house.server.certificates.context("imap")
    house.renew()
    house.server.reload(house.config(CONFIG + oauth))
    assert house.server.config is before
    assert house.server.certificates.context("imap") is context
    (house.folder / "secret").write_text("word\n")
    house.server.reload(house.config(CONFIG.replace('"EXTERNAL"', '"XOAUTH2"') + oauth))

    def offered() -> bool:
        with house.imap(house.context()) as imap:
            return "AUTH=XOAUTH2" in imap.capabilities

    assert await asyncio.to_thread(offered)
