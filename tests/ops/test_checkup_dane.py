"""What `correo check` says of TLSA records beside the certificate that is shown."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from correo.clock.virtual import VirtualClock
from correo.dns.zone import Zone, ZoneResolver
from correo.mail.instant import SECOND
from correo.ops.checkup import Finding, Level
from correo.ops.checkup.dane import check_tlsa, shown_for

HOST = "mail.example.com"
NAME = f"_25._tcp.{HOST}."
NOW = 1_790_000_000 * SECOND


class Shown:
    def __init__(self, folder: Path, *names: str) -> None:
        self.authority = trustme.CA()
        self.folder = folder
        self.pairs = [self.pair(*names)]

    def pair(self, *names: str) -> tuple[Path, Path]:
        issued = self.authority.issue_cert(*names)
        certificate, key = (self.folder / f"{names[0].replace('*', '_')}.{kind}" for kind in ("pem", "key"))
        certificate.write_bytes(
            b"".join(blob.bytes() for blob in issued.cert_chain_pems) + self.authority.cert_pem.bytes()
        )
        issued.private_key_pem.write_to_path(str(key))
        return certificate, key

    def digest(self, position: int, *, whole: bool = False, kind: str = "sha256") -> str:
        found = x509.load_pem_x509_certificates(self.pairs[0][0].read_bytes())[position]
        key = found.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return hashlib.new(kind, found.public_bytes(Encoding.DER) if whole else key).hexdigest()

    async def found(self, zone: str, *, signed: bool = True) -> list[Finding]:
        resolver = ZoneResolver(Zone(zone, authentic=signed), VirtualClock())
        return await check_tlsa(HOST, self.pairs, NOW, resolver)


@pytest.fixture
def shown(tmp_path: Path) -> Shown:
    return Shown(tmp_path, HOST)


@pytest.mark.parametrize("signed", [True, False])
async def test_records_that_are_true(shown: Shown, signed: bool) -> None:
    for record in (
        f"3 1 1 {shown.digest(0)}",
        f"3 0 1 {shown.digest(0, whole=True)}",
        f"3 1 2 {shown.digest(0, kind='sha512')}",
        f"2 0 1 {shown.digest(1, whole=True)}",
        f"2 1 1 {shown.digest(1)}",
    ):
        zone = f"{NAME} TLSA {record}\n{NAME} TLSA 3 1 1 {'00' * 32}\n"  # and that of a key to come
        if record.startswith("3 1 2"):
            zone = zone.splitlines()[0] + "\n"  # of several digests of one thing the strongest counts
        (finding,) = await shown.found(zone, signed=signed)
        assert finding.level is Level.OK, (record, finding)


async def test_records_of_another_certificate(shown: Shown) -> None:
    for record in (f"3 1 1 {'00' * 32}", f"3 0 1 {shown.digest(0)}", f"2 1 1 {'11' * 32}"):
        (finding,) = await shown.found(f"{NAME} TLSA {record}\n")
        assert finding.level is Level.PROBLEM
        assert f"{NAME} TLSA 3 1 1 {shown.digest(0)}" in finding.words


async def test_an_authority_vouches_for_names_only(tmp_path: Path) -> None:
    other = Shown(tmp_path, "mail.example.net")
    (finding,) = await other.found(f"{NAME} TLSA 2 1 1 {other.digest(1)}\n")
    assert finding.level is Level.PROBLEM
    (finding,) = await other.found(f"{NAME} TLSA 3 1 1 {other.digest(0)}\n")
    assert finding.level is Level.OK


async def test_records_that_no_mail_server_uses(shown: Shown) -> None:
    (finding,) = await shown.found(f"{NAME} TLSA 1 1 1 {shown.digest(0)}\n")
    assert finding.level is Level.WARNING
    assert "1 1 1" in finding.words


async def test_none_is_advice_where_it_would_be_believed(shown: Shown) -> None:
    (finding,) = await shown.found(f"{HOST}. A 9.9.9.9\n")
    assert finding.level is Level.ADVICE
    assert await shown.found(f"{HOST}. A 9.9.9.9\n", signed=False) == []


async def test_a_question_that_fails_keeps_mail_away(shown: Shown) -> None:
    (finding,) = await shown.found(f"{NAME} FAIL\n")
    assert finding.level is Level.WARNING


async def test_no_certificate_that_can_be_read(tmp_path: Path) -> None:
    pairs = [(tmp_path / "missing.pem", tmp_path / "missing.key")]
    resolver = ZoneResolver(Zone(f"{NAME} TLSA 3 1 1 {'00' * 32}\n", authentic=True), VirtualClock())
    assert await check_tlsa(HOST, pairs, NOW, resolver) == []
    assert await check_tlsa(HOST, [], NOW, resolver) == []


def test_which_is_shown(tmp_path: Path) -> None:
    """As the server itself chooses: a whole name before a wildcard, and the first where none fits."""
    first = Shown(tmp_path, "example.net")
    wild, whole = first.pair("*.example.com"), first.pair(HOST)
    for pairs, chosen in (
        ([*first.pairs, wild, whole], whole),
        ([*first.pairs, wild], wild),
        (first.pairs, first.pairs[0]),
    ):
        found = shown_for(HOST, pairs)
        assert found
        assert found[0] == chosen[0]
        assert len(found[1]) == 2
