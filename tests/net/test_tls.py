"""What a TLS handshake tells: channel bindings that are the same on both sides, and the addresses of a client's certificate."""

from __future__ import annotations

import hashlib
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from correo.net import TlsInfo
from correo.net.tls import (
    ServerContext,
    described,
    end_point,
    opportunistic_context,
    private_context,
    server_context,
    verified_context,
)

END_POINT, UNIQUE = "tls-server-end-point", "tls-unique"


class House:
    """A server's certificate, and an authority for those of people."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.authority = trustme.CA()
        self.people = trustme.CA()
        server = self.authority.issue_cert("mail.example.com")
        self.certificate, self.key = folder / "certificate.pem", folder / "key.pem"
        self.certificate.write_bytes(b"".join(blob.bytes() for blob in server.cert_chain_pems))
        self.key.write_bytes(server.private_key_pem.bytes())
        self.people.cert_pem.write_to_path(str(folder / "people.pem"))

    def server(self, *, asks: bool = False) -> ServerContext:
        return server_context(self.certificate, self.key, self.folder / "people.pem" if asks else None)

    def client(self, *addresses: str, by: trustme.CA | None = None) -> ssl.SSLContext:
        context = ssl.create_default_context()
        self.authority.configure_trust(context)
        if addresses:
            (by or self.people).issue_cert(*addresses, common_name="Somebody").configure_cert(context)
        return context


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def shaken(
    server: ssl.SSLContext, client: ssl.SSLContext, session: ssl.SSLSession | None = None
) -> tuple[ssl.SSLObject, ssl.SSLObject]:
    """(the server's side, the client's side) of a finished handshake. Raises ssl.SSLError."""
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    near = client.wrap_bio(down, up, server_hostname="mail.example.com", session=session)
    far = server.wrap_bio(up, down, server_side=True)
    for _ in range(10):
        for side in (near, far):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
    far.write(
        b"."
    )  # under TLS 1.3 the client's certificate is judged, and the ticket sent, after its own half
    assert near.read(1) == b"."
    return far, near


def test_nothing_of_all_this_under_1_3_but_the_end_point(house: House) -> None:
    server, client = shaken(house.server(), house.client())
    info = described(server)
    assert (info.version, info.certificate) == ("TLSv1.3", ())
    shown = client.getpeercert(binary_form=True)
    assert shown is not None
    assert dict(info.bindings) == {END_POINT: hashlib.sha256(shown).digest()}
    assert described(client).bindings == ()  # only a server needs them


def test_tls_unique_under_1_2(house: House) -> None:
    client_context = house.client()
    client_context.maximum_version = ssl.TLSVersion.TLSv1_2
    server_context = house.server()
    server, client = shaken(server_context, client_context)
    bindings = dict(described(server).bindings)
    assert bindings[UNIQUE] == client.get_channel_binding(UNIQUE)
    assert set(bindings) == {UNIQUE, END_POINT}
    other, _ = shaken(server_context, client_context)
    assert dict(described(other).bindings)[UNIQUE] != bindings[UNIQUE]
    # A resumed session has none: it might be the same on the two sides of somebody in the middle.
    again, _ = shaken(server_context, client_context, client.session)
    assert again.session_reused
    assert set(dict(described(again).bindings)) == {END_POINT}


def test_another_certificate_is_another_end_point(house: House, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    assert house.server().end_point != House(other).server().end_point


@pytest.mark.parametrize("addresses", [("bob@example.com",), ("bob@example.com", "ana@example.org")])
def test_certificate_of_a_client(house: House, addresses: tuple[str, ...]) -> None:
    server, _ = shaken(house.server(asks=True), house.client(*addresses))
    assert described(server).certificate == addresses


def test_a_certificate_may_be_for_no_address(house: House) -> None:
    server, _ = shaken(house.server(asks=True), house.client("laptop.example.com"))
    assert described(server).certificate == ()


def test_nobody_needs_a_certificate(house: House) -> None:
    server, _ = shaken(house.server(asks=True), house.client())
    assert described(server).certificate == ()
    server, _ = shaken(house.server(), house.client("bob@example.com"))
    assert described(server).certificate == ()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_certificate_of_an_authority_that_is_not_trusted(house: House, version: ssl.TLSVersion) -> None:
    client = house.client("bob@example.com", by=trustme.CA())
    client.maximum_version = version
    with pytest.raises(ssl.SSLError):
        shaken(house.server(asks=True), client)


class Folk:
    """Certificates of people that trustme does not make."""

    def __init__(self, house: House) -> None:
        self.house = house

    def client(
        self, name: x509.GeneralName, *, age: int = 1, purpose: x509.ObjectIdentifier | None = None
    ) -> ssl.SSLContext:
        """`age` days old, of 10; or still to come where it is below 0."""
        issuer = x509.load_pem_x509_certificate(self.house.people.cert_pem.bytes())
        signer = serialization.load_pem_private_key(self.house.people.private_key_pem.bytes(), None)
        key = ec.generate_private_key(ec.SECP256R1())
        start = datetime.now(UTC) - timedelta(days=age)
        subject = x509.Name([x509.NameAttribute(NameOID.EMAIL_ADDRESS, "bob@example.com")])
        builder = x509.CertificateBuilder(
            issuer.subject, subject, key.public_key(), 7, start, start + timedelta(days=10)
        )
        builder = builder.add_extension(x509.SubjectAlternativeName([name]), critical=False)
        identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.public_key())  # type: ignore[arg-type]
        builder = builder.add_extension(identifier, critical=False)
        if purpose is not None:
            builder = builder.add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
        pair = self.house.folder / "person.pem"
        pem, pkcs8, bare = (
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        certificate = builder.sign(signer, hashes.SHA256())  # type: ignore[arg-type]
        pair.write_bytes(key.private_bytes(pem, pkcs8, bare) + certificate.public_bytes(pem))
        context = self.house.client()
        context.load_cert_chain(pair)
        return context


BOB = x509.RFC822Name("bob@example.com")


@pytest.mark.parametrize("purpose", [None, ExtendedKeyUsageOID.CLIENT_AUTH])
def test_a_certificate_that_is_good(house: House, purpose: x509.ObjectIdentifier | None) -> None:
    server, _ = shaken(house.server(asks=True), Folk(house).client(BOB, purpose=purpose))
    assert described(server).certificate == ("bob@example.com",)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize(("age", "purpose"), [(11, None), (-1, None), (1, ExtendedKeyUsageOID.SERVER_AUTH)])
def test_a_certificate_that_is_no_good(
    house: House, age: int, purpose: x509.ObjectIdentifier | None, version: ssl.TLSVersion
) -> None:
    """Of the right authority, but of yesterday, of tomorrow, or for a server."""
    client = Folk(house).client(BOB, age=age, purpose=purpose)
    client.maximum_version = version
    with pytest.raises(ssl.SSLError):
        shaken(house.server(asks=True), client)


def test_only_names_that_are_meant_as_addresses_count(house: House) -> None:
    """Not the subject, which may have one too, and no other kind of name."""
    name = x509.UniformResourceIdentifier("mailto:bob@example.com")
    server, _ = shaken(house.server(asks=True), Folk(house).client(name))
    assert described(server).certificate == ()


def test_who_it_was_is_known_again_in_a_resumed_session(house: House) -> None:
    asking, other = house.server(asks=True), house.server()
    client = house.client("bob@example.com")
    client.maximum_version = ssl.TLSVersion.TLSv1_2
    _, near = shaken(asking, client)
    again, _ = shaken(asking, client, near.session)
    assert again.session_reused
    assert described(again).certificate == ("bob@example.com",)
    # What a context that asks nobody has given out is worth nothing to one that asks.
    _, near = shaken(other, client)
    fresh, _ = shaken(asking, client, near.session)
    assert not fresh.session_reused


def test_a_key_with_a_passphrase_is_refused_and_nobody_is_asked(house: House) -> None:
    key = serialization.load_pem_private_key(house.key.read_bytes(), None)
    locked = serialization.BestAvailableEncryption(b"secret")
    house.key.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, locked)
    )
    with pytest.raises(ssl.SSLError, match="passphrase"):
        house.server()


def _signed(key: Any, algorithm: hashes.HashAlgorithm | None) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail.example.com")])
    start = datetime(2026, 1, 1, tzinfo=UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 7, start, start + timedelta(days=1))
    return builder.sign(key, algorithm).public_bytes(serialization.Encoding.PEM)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("algorithm", "name"),
    [(hashes.SHA256(), "sha256"), (hashes.SHA384(), "sha384"), (hashes.SHA512(), "sha512")],
)
def test_the_end_point_is_hashed_as_the_certificate_was_signed(
    algorithm: hashes.HashAlgorithm, name: str
) -> None:
    """RFC 5929 §4.1."""
    pem = _signed(ec.generate_private_key(ec.SECP256R1()), algorithm)
    assert end_point(pem) == hashlib.new(name, ssl.PEM_cert_to_DER_cert(pem.decode())).digest()


def test_no_end_point_without_a_hash() -> None:
    assert end_point(_signed(ed25519.Ed25519PrivateKey.generate(), None)) == b""
    assert end_point(b"no certificate") == b""


def test_bindings_stay_out_of_the_log() -> None:
    info = TlsInfo("TLSv1.3", "X", bindings=((UNIQUE, b"octets"),))
    assert "octets" not in f"{info} {info!r}"


def test_what_the_server_showed(house: House) -> None:
    """Verified or not, its own certificate first; a server is told nothing of the kind."""
    middle = house.authority.create_child_ca()
    shown = middle.issue_cert("mail.example.com")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    shown.configure_cert(context)
    chain = tuple(ssl.PEM_cert_to_DER_cert(pem.bytes().decode()) for pem in shown.cert_chain_pems)
    assert len(chain) == 2
    for client in (house.client(), opportunistic_context()):
        server_side, client_side = shaken(context, client)
        assert described(client_side).chain == chain
        assert described(server_side).chain == ()


@pytest.mark.parametrize("context", [verified_context(), private_context(None)])
def test_a_common_name_is_no_name_of_a_server(context: ssl.SSLContext) -> None:
    assert context.check_hostname
    assert not context.hostname_checks_common_name


@pytest.mark.parametrize("context", [opportunistic_context(), verified_context(), private_context(None)])
def test_no_server_makes_us_shake_hands_again(context: ssl.SSLContext) -> None:
    assert context.options & ssl.OP_NO_RENEGOTIATION
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2
