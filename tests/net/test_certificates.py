"""Which of several certificates is shown to whom, and that changed files are seen."""

from __future__ import annotations

import hashlib
import os
import ssl
from datetime import datetime
from pathlib import Path

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from correo.net.certificates import Certificates, Offer
from correo.net.tls import described
from correo.ops.certificate import read_certificate


class House:
    """An authority that everybody trusts, and the pairs it has issued."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.authority = trustme.CA()

    def certify(self, file: str, *names: str) -> tuple[Path, Path]:
        """New files, in the place of those before."""
        issued = self.authority.issue_cert(*names)
        pair = self.folder / f"{file}.pem", self.folder / f"{file}.key"
        for path, octets in zip(
            pair, (issued.cert_chain_pems[0].bytes(), issued.private_key_pem.bytes()), strict=True
        ):
            fresh = path.with_suffix(".new")
            fresh.write_bytes(octets)
            os.replace(fresh, path)
        return pair

    def shown(self, certificates: Certificates, name: str | None, **options: ssl.TLSVersion) -> set[str]:
        """The names in the certificate that a client is shown who asks for `name`. Raises ssl.SSLError."""
        client = ssl.create_default_context()
        self.authority.configure_trust(client)
        client.check_hostname = False
        for option, version in options.items():
            setattr(client, option, version)
        server = certificates.context("imap")
        assert server is not None
        up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
        near = client.wrap_bio(down, up, server_hostname=name)
        far = server.wrap_bio(up, down, server_side=True)
        for side in (near, far) * 4:
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
        found = near.getpeercert()
        assert found is not None
        der = near.getpeercert(binary_form=True)
        assert der is not None
        if bindings := dict(described(far).bindings):
            assert bindings["tls-server-end-point"] == hashlib.sha256(der).digest()
        return {str(name[1]) for name in found["subjectAltName"]}


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


@pytest.fixture
def three(house: House) -> Certificates:
    certificates = Certificates()
    pairs = (
        house.certify("first", "mail.example.com"),
        house.certify("second", "mail.example.net", "imap.example.net"),
        house.certify("wild", "*.example.net", "*.example.org"),
    )
    certificates.load(Offer(pairs))
    return certificates


@pytest.mark.parametrize(
    ("asked", "shown"),
    [
        ("mail.example.com", "mail.example.com"),
        ("mail.example.net", "mail.example.net"),
        ("IMAP.Example.NET", "mail.example.net"),
        ("pop.example.net", "*.example.net"),
        ("mail.example.org", "*.example.net"),
        ("a.b.example.org", "mail.example.com"),  # `*` is one label
        ("example.org", "mail.example.com"),
        ("nobody.example", "mail.example.com"),
        (None, "mail.example.com"),
    ],
)
def test_the_name_that_is_asked_for_chooses(
    house: House, three: Certificates, asked: str | None, shown: str
) -> None:
    assert shown in house.shown(three, asked)
    assert shown in house.shown(three, asked, maximum_version=ssl.TLSVersion.TLSv1_2)


def test_the_oldest_version_is_an_option(house: House) -> None:
    certificates = Certificates()
    pairs = (house.certify("a", "a.example"), house.certify("b", "b.example"))
    certificates.load(Offer(pairs, minimum=ssl.TLSVersion.TLSv1_3))
    assert house.shown(certificates, "b.example") == {"b.example"}
    with pytest.raises(ssl.SSLError):
        house.shown(certificates, "b.example", maximum_version=ssl.TLSVersion.TLSv1_2)


def test_ciphers_are_an_option_and_ours_have_forward_secrecy(house: House) -> None:
    certificates = Certificates()
    pairs = (house.certify("a", "a.example"),)
    certificates.load(Offer(pairs))
    context = certificates.context("smtp")
    assert context is not None
    names = [str(one["name"]) for one in context.get_ciphers()]
    assert all(name.startswith(("TLS_", "ECDHE-")) and not name.endswith("-SHA") for name in names)
    certificates.load(Offer(pairs, ciphers="ECDHE+CHACHA20"))
    context = certificates.context("smtp")
    assert context is not None
    old = [str(one["name"]) for one in context.get_ciphers() if not str(one["name"]).startswith("TLS_")]
    assert old
    assert all("CHACHA20" in name for name in old)
    with pytest.raises(ssl.SSLError, match=r"a\.pem"):
        certificates.load(Offer(pairs, ciphers="NONSENSE"))


def test_people_may_be_asked_for_a_certificate_and_servers_are_not(house: House) -> None:
    certificates = Certificates()
    house.authority.cert_pem.write_to_path(str(house.folder / "people.pem"))
    certificates.load(Offer((house.certify("a", "a.example"),), house.folder / "people.pem"))
    people, servers = certificates.context("imap"), certificates.context("smtp")
    assert people is not None
    assert servers is not None
    assert (people.verify_mode, servers.verify_mode) == (ssl.CERT_OPTIONAL, ssl.CERT_NONE)


def test_without_a_certificate_there_is_no_tls() -> None:
    certificates = Certificates()
    certificates.load(Offer(()))
    assert certificates.context("imap") is None
    assert not certificates.changed()


def test_new_files_are_seen_once_and_taken(house: House, three: Certificates) -> None:
    assert not three.changed()
    house.certify("second", "mail.example.net", "new.example.net")
    assert three.changed()
    assert not three.changed()
    three.load_again()
    assert not three.changed()
    assert "new.example.net" in house.shown(three, "mail.example.net")


def test_names_of_a_kind_that_nobody_uses_stop_nothing(tmp_path: Path) -> None:
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    x400 = x509.UnrecognizedExtension(x509.SubjectAlternativeName.oid, bytes.fromhex("3004a3023000"))
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).serial_number(1)
    made = made.not_valid_before(datetime(2026, 1, 1)).not_valid_after(datetime(2036, 1, 1))
    made = made.public_key(key.public_key()).add_extension(x400, critical=False)
    pair = tmp_path / "x400.pem", tmp_path / "x400.key"
    pair[0].write_bytes(made.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM))
    pair[1].write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    Certificates().load(Offer((pair,)))
    assert read_certificate(pair[0]).names == ()


def test_another_owner_or_mode_is_a_change(house: House) -> None:
    """A program that renews may write a key first and give it to us then, without another octet of it."""
    certificates, pair = Certificates(), house.certify("one", "one.example.org")
    certificates.load(Offer((pair,)))
    assert not certificates.changed()
    before = pair[1].stat().st_ctime_ns
    while pair[1].stat().st_ctime_ns == before:  # the clock of the file system has ticks
        pair[1].chmod(0o640)
    assert certificates.changed()
    assert not certificates.changed()


def test_what_does_not_serve_leaves_everything_as_it_was(house: House, three: Certificates) -> None:
    before = (house.folder / "second.key").read_bytes()
    (house.folder / "second.key").write_text("nonsense")
    assert three.changed()
    with pytest.raises(OSError, match=r"second\.pem with .*second\.key"):
        three.load_again()
    assert "imap.example.net" in house.shown(three, "mail.example.net")
    (house.folder / "second.key").unlink()
    assert three.changed()
    (house.folder / "second.key").write_bytes(before)
    assert three.changed()
    three.load_again()
    with pytest.raises(OSError):
        three.load(Offer(((house.folder / "none.pem", house.folder / "none.key"),)))
    assert not three.changed()
    three.load_again()
