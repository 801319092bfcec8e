"""One server, two names: each client is shown the certificate of the name it asks for, on every port, and renewed ones soon."""

from __future__ import annotations

import asyncio
import imaplib
import os
import smtplib
import socket
import ssl
from pathlib import Path

import pytest
import trustme

from correo.app import Server, World, bind_all
from correo.clock.system import SystemChance, SystemClock
from correo.clock.virtual import run
from correo.config import ConfigError, read
from correo.net.certificates import Certificates, Offer
from correo.net.listen import split_host_port
from correo.ops.renewal import GLANCE, see_certificates

CONFIG = """
hostname = "mail.example.org"
data_dir = "data"
[[listener]]
protocol = "smtp"
address = "127.0.0.1:0"
tls = "starttls"
[[listener]]
protocol = "imap"
address = "127.0.0.1:0"
tls = "implicit"
[tls]
certificate = "org.pem"
key = "org.key"
[[tls.certificates]]
certificate = "net.pem"
key = "net.key"
[dns]
servers = ["127.0.0.1:1"]
[limits]
drain = "1s"
"""


def certify(authority: trustme.CA, folder: Path, file: str, *names: str) -> None:
    issued = authority.issue_cert(*names)
    issued.cert_chain_pems[0].write_to_path(str(folder / "new"))
    os.replace(folder / "new", folder / f"{file}.pem")
    issued.private_key_pem.write_to_path(str(folder / f"{file}.key"))


def trusting(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


def by_starttls(port: int, name: str, client: ssl.SSLContext) -> bytes | None:
    """The certificate, after a handshake that proved `name`."""
    with smtplib.SMTP("127.0.0.1", port, timeout=10) as smtp:
        smtp._host = name  # type: ignore[attr-defined]  # whom to ask for, as if it had been looked up
        smtp.starttls(context=client)
        smtp.ehlo()
        assert isinstance(smtp.sock, ssl.SSLSocket)
        return smtp.sock.getpeercert(binary_form=True)


class Imaps(imaplib.IMAP4_SSL):
    """That asks for a name other than the address it dials."""

    def __init__(self, name: str, port: int, client: ssl.SSLContext) -> None:
        self.name = name
        super().__init__("127.0.0.1", port, ssl_context=client, timeout=10)

    def _create_socket(self, timeout: float | None) -> ssl.SSLSocket:
        plain: socket.socket = imaplib.IMAP4._create_socket(self, timeout)  # type: ignore[attr-defined]
        secured: ssl.SSLSocket = self.ssl_context.wrap_socket(plain, server_hostname=self.name)
        return secured


def by_imaps(port: int, name: str, client: ssl.SSLContext) -> bytes | None:
    with Imaps(name, port, client) as imap:
        imap.noop()
        assert isinstance(imap.sock, ssl.SSLSocket)
        return imap.sock.getpeercert(binary_form=True)


async def test_each_name_has_its_certificate_on_every_port(tmp_path: Path) -> None:
    authority = trustme.CA()
    certify(authority, tmp_path, "org", "mail.example.org")
    certify(authority, tmp_path, "net", "*.example.net")
    config = read(CONFIG, tmp_path / "correo.toml")
    server = await Server.open(config, World(SystemClock(), SystemChance()))
    await server.start(bind_all(config.listener))
    client = trusting(authority)
    smtp, imap = (split_host_port(listener.address)[1] for listener in server.listeners)
    shown = {
        name: await asyncio.to_thread(by_starttls, smtp, name, client)
        for name in ("mail.example.org", "mx.example.net")
    }
    assert None not in shown.values()
    assert len(set(shown.values())) == 2
    for name, certificate in shown.items():
        assert await asyncio.to_thread(by_imaps, imap, name, client) == certificate
    with pytest.raises(ssl.SSLCertVerificationError):
        await asyncio.to_thread(by_imaps, imap, "mail.example.com", client)
    certify(authority, tmp_path, "net", "*.example.net", "mail.example.com")
    server.reload(config)
    assert await asyncio.to_thread(by_imaps, imap, "mail.example.com", client)
    await server.stop()


def test_renewed_files_are_taken_without_a_signal(tmp_path: Path) -> None:
    authority = trustme.CA()
    certify(authority, tmp_path, "org", "mail.example.org")
    certificates = Certificates()
    certificates.load(Offer(((tmp_path / "org.pem", tmp_path / "org.key"),)))
    first = certificates.context("imap")

    async def main() -> None:
        duty = asyncio.ensure_future(see_certificates(certificates))
        await asyncio.sleep(2 * GLANCE)
        assert certificates.context("imap") is first
        # A certificate that does not go with its key yet disturbs nobody, and the key is seen when it comes.
        issued = authority.issue_cert("mail.example.org")
        issued.cert_chain_pems[0].write_to_path(str(tmp_path / "org.pem"))
        await asyncio.sleep(2 * GLANCE)
        assert certificates.context("imap") is first
        issued.private_key_pem.write_to_path(str(tmp_path / "org.key"))
        await asyncio.sleep(2 * GLANCE)
        assert certificates.context("imap") is not first
        assert not duty.done()
        duty.cancel()

    run(main())


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ("[[tls.certificates]]", "[tls.certificates]", r"must be written as \[\[tls\.certificates\]\]"),
        ('key = "net.key"', "", r"line 15: tls\.certificates\.key is missing"),
        ('key = "net.key"', 'kee = "net.key"', "did you mean key"),
        ('key = "org.key"', 'key = "org.key"\nminimum_version = "1.1"', '"1.2", "1.3"'),
    ],
)
def test_mistakes_are_named(before: str, after: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        read(CONFIG.replace(before, after), Path("correo.toml"))


def test_the_first_of_the_list_serves_where_no_other_is_named() -> None:
    text = CONFIG.replace('certificate = "org.pem"\nkey = "org.key"\n', "")
    config = read(text, Path("correo.toml"))
    assert [pair.certificate for pair in config.tls.pairs] == ["net.pem"]
