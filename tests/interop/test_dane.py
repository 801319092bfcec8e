"""DANE over signed zones: what Correo does with the TLSA records of others, and what others make of ours."""

from __future__ import annotations

import email
import hashlib
from collections.abc import Iterator
from pathlib import Path

import dns.rdataset
import dns.zone
import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from tests.interop import dnssec
from tests.interop import scene as stage
from tests.interop.dnssec import signed
from tests.interop.programs import eventually
from tests.interop.scene import BEHIND, ZONES, Scene
from tests.interop.serving import ALICE, letter

PROGRAMS = (*stage.PROGRAMS, *dnssec.PROGRAMS)
WRONG = "3 1 1 " + "ab" * 32

PROVED = ("key", "certificate", "whole", "anchor", "anchorkey", "two")
REFUTED = {
    "wrong": "its certificate is not the one that its TLSA records name",
    "othername": "its certificate is for another name",
    "notls": "does not offer TLS",
    "bogus": "gives no answer about _25._tcp.mx.bogus.test",
}
DOMAINS = tuple(f"{name}.test" for name in (*PROVED, *REFUTED, "pkix", "unsigned"))


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An authority that nobody knows, and beside it the certificate for the mail hosts, shown with that of the authority."""
    folder = tmp_path_factory.mktemp("theirs")
    authority = trustme.CA()
    made = authority.issue_cert(*(f"mx.{domain}" for domain in DOMAINS if domain != "othername.test"))
    made.private_key_pem.write_to_path(str(folder / "key.pem"))
    for pem in (*made.cert_chain_pems, authority.cert_pem):
        pem.write_to_path(str(folder / "certificate.pem"), append=True)
    authority.cert_pem.write_to_path(str(folder / "authority.pem"))
    return folder / "authority.pem"


def tlsa(usage: int, selector: int, matching: int, certificate: bytes) -> str:
    """The data of a TLSA record that fits (RFC 6698 §2.1)."""
    parsed = x509.load_pem_x509_certificate(certificate)
    octets = parsed.public_bytes(Encoding.DER)
    if selector == 1:
        octets = parsed.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    data = {0: octets, 1: hashlib.sha256(octets).digest(), 2: hashlib.sha512(octets).digest()}[matching]
    return f"{usage} {selector} {matching} {data.hex()}"


def zones(theirs: Path, ours: Path) -> tuple[dict[str, str], str]:
    own = (theirs.parent / "certificate.pem").read_bytes()
    root = theirs.read_bytes()
    records = {
        "key": [tlsa(3, 1, 1, own)],
        "certificate": [tlsa(3, 0, 2, own)],
        "whole": [tlsa(3, 0, 0, own)],
        "anchor": [tlsa(2, 0, 1, root)],
        "anchorkey": [tlsa(2, 1, 1, root)],
        "two": [WRONG, tlsa(3, 1, 1, own)],
        "wrong": [WRONG],
        "othername": [tlsa(2, 0, 1, root)],
        "notls": [tlsa(3, 1, 1, own)],
        "bogus": [tlsa(3, 1, 1, own)],
        "pkix": [tlsa(1, 1, 1, own)],
    }
    text = ZONES["test."].replace("127.0.0.1\ncorreo", f"{BEHIND}\ncorreo")
    for name, data in records.items():
        text += f"{name} MX 10 mx.{name}\nmx.{name} A {'127.0.0.12' if name == 'notls' else '127.0.0.2'}\n"
        text += "".join(f"_25._tcp.mx.{name} TLSA {one}\n" for one in data)
    ours_pem = ours.read_bytes()
    text += f"_25._tcp.mail.correo TLSA {tlsa(3, 1, 1, ours_pem)}\n"
    text += "forged MX 10 mail.forged\nmail.forged A 127.0.0.1\n" + f"_25._tcp.mail.forged TLSA {WRONG}\n"
    text += "unsigned NS ns\n"
    zone, anchor = signed("test.", text, forge)
    unsigned = f"$TTL 1\n@ SOA ns.test. root.test. 1 3600 3600 86400 1\n@ NS ns.test.\n@ MX 10 mx\nmx A 127.0.0.2\n_25._tcp.mx TLSA {WRONG}\n"
    return {**ZONES, "test.": zone, "unsigned.test.": unsigned}, anchor


def forge(zone: dns.zone.Zone) -> None:
    """Another record than the one that was signed."""
    forged = dns.rdataset.from_text("IN", "TLSA", 1, f"3 1 1 {'cd' * 32}")
    zone.replace_rdataset("_25._tcp.mx.bogus.test.", forged)


@pytest.fixture(scope="module")
def scene(template: Path, authority: Path, theirs: Path) -> Iterator[Scene]:
    text, anchor = zones(theirs, authority.parent / "certificate.pem")
    settings = (
        f"virtual_mailbox_domains=postfix.test, {', '.join(DOMAINS)}",
        "virtual_mailbox_maps=static:user/",
        "smtp_dns_support_level=dnssec",
        "smtp_tls_security_level=dane",
    )
    with stage.staged(
        template, authority, exim=True, zones=text, anchor=anchor, theirs=theirs, settings=settings
    ) as scene:
        yield scene


def refused(scene: Scene, recipient: str) -> str:
    """Why it has to wait; it stays in the queue."""
    reason = str(scene.correo.await_log("deferred", to=recipient)["status"])
    assert not [text for text in scene.postfix.messages() if recipient.encode() in text]
    return reason


@pytest.mark.parametrize("name", PROVED)
def test_a_record_proves_the_server(scene: Scene, name: str) -> None:
    scene.alice_sends(letter(f"proved {name}"), f"user@{name}.test")
    newest = email.message_from_bytes(scene.at_peer(scene.postfix, f"proved {name}")).get_all("Received", [])[
        0
    ]
    assert "using TLSv1.3" in newest
    assert "DANE" in scene.correo.cli("trace", f"user@{name}.test").out


@pytest.mark.parametrize("name", REFUTED)
def test_mail_waits_for_the_server_that_the_records_mean(scene: Scene, name: str) -> None:
    scene.alice_sends(letter(f"refuted {name}"), f"user@{name}.test")
    reason = refused(scene, f"user@{name}.test")
    assert " 4.7.5 " in reason
    assert REFUTED[name] in reason


def test_records_that_cannot_be_used_still_ask_for_tls(scene: Scene) -> None:
    scene.alice_sends(letter("pkix"), "user@pkix.test")
    assert b"using TLSv1.3" in scene.at_peer(scene.postfix, "pkix")
    assert "DANE without a usable record" in scene.correo.cli("trace", "user@pkix.test").out


def test_records_that_are_not_signed_say_nothing(scene: Scene) -> None:
    scene.alice_sends(letter("unsigned"), "user@unsigned.test")
    assert b"using TLSv1.3" in scene.at_peer(scene.postfix, "unsigned")
    assert "DANE" not in scene.correo.cli("trace", "user@unsigned.test").out


def test_postfix_proves_correo(scene: Scene) -> None:
    scene.postfix.send(letter("dane from postfix"), ALICE)
    scene.at_correo("dane from postfix")
    proved = "Verified TLS connection established to mail.correo.test"
    eventually(lambda: proved in scene.postfix.log(), "a word of Postfix on the certificate")


def test_exim_proves_correo(scene: Scene) -> None:
    scene.exim.submit(letter("dane from exim"), "user@exim.test", [ALICE])
    scene.at_correo("dane from exim")
    (line,) = eventually(
        lambda: [line for line in scene.exim.log().splitlines() if f" => {ALICE}" in line],
        "a word of Exim on what it has sent",
    )
    assert " CV=dane " in line


def test_postfix_takes_no_other_server_for_correo(scene: Scene) -> None:
    scene.postfix.send(letter("forged"), "someone@forged.test")
    eventually(
        lambda: [
            line
            for line in scene.postfix.log().splitlines()
            if "someone@forged.test" in line and "dsn=4.7.5" in line
        ],
        "the refusal",
    )
