"""Certificates: ours to begin with, and anybody's to read."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from cryptography import x509

from correo.clock.virtual import SeededChance
from correo.mail.instant import DAY, SECOND
from correo.ops.certificate import LIFETIME, covers, read_certificate, self_signed
from correo.ops.checkup import Level, by_importance
from correo.ops.checkup.certificate import check_certificate, check_certificates

NOW = 1_700_000_000 * SECOND


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    pair = self_signed(["mail.example.com", "imap.example.com"], NOW, SeededChance(1))
    certificate, key = tmp_path / "c.pem", tmp_path / "k.pem"
    certificate.write_bytes(pair.certificate)
    key.write_bytes(pair.key)
    key.chmod(0o600)
    return certificate, key


def test_what_was_made_can_be_read(files: tuple[Path, Path]) -> None:
    facts = read_certificate(files[0])
    assert facts.names == ("mail.example.com", "imap.example.com")
    assert facts.self_signed
    assert facts.starts == NOW - DAY
    assert facts.ends == facts.starts + LIFETIME


@pytest.mark.parametrize(
    ("name", "proved"),
    [
        ("mail.example.com", True),
        ("Mail.Example.COM", True),
        ("mx.example.net", True),
        ("a.mx.example.net", False),
        ("example.net", False),
        ("example.com", False),
    ],
)
def test_names_and_wildcards(name: str, proved: bool) -> None:
    assert covers(("mail.example.com", "*.example.net"), name) == proved


def levels(files: tuple[Path, Path], hostname: str, now: int, data: Path) -> dict[Level, str]:
    return {
        finding.level: finding.words
        for finding in by_importance(check_certificate(*files, hostname, now, data))
    }


def test_findings(files: tuple[Path, Path], tmp_path: Path) -> None:
    fresh = levels(files, "mail.example.com", NOW, tmp_path)
    assert "self-signed" in fresh[Level.WARNING]
    assert Level.PROBLEM not in fresh
    assert "expired" in levels(files, "mail.example.com", NOW + LIFETIME, tmp_path)[Level.PROBLEM]
    assert "not valid before" in levels(files, "mail.example.com", NOW - 2 * DAY, tmp_path)[Level.PROBLEM]
    assert "not for www.example.com" in levels(files, "www.example.com", NOW, tmp_path)[Level.PROBLEM]


def test_soon_is_said_in_time(files: tuple[Path, Path], tmp_path: Path) -> None:
    words = [
        one.words for one in check_certificate(*files, "mail.example.com", NOW + LIFETIME - 5 * DAY, tmp_path)
    ]
    assert any("expires on" in one and "systemctl reload" in one for one in words)


def test_addresses_are_no_dns_names() -> None:
    made = x509.load_pem_x509_certificate(
        self_signed(["localhost", "127.0.0.1", "::1"], NOW, SeededChance(1)).certificate
    )
    names = made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["localhost"]
    assert [str(one) for one in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.1", "::1"]


def test_files_that_do_not_serve(files: tuple[Path, Path], tmp_path: Path) -> None:
    other = tmp_path / "other.pem"
    other.write_bytes(self_signed(["x.example"], NOW, SeededChance(2)).key)
    empty = tmp_path / "empty.pem"
    empty.touch()
    for pair in ((files[0], other), (empty, files[1]), (files[0], empty), (tmp_path / "none", files[1])):
        (finding,) = check_certificate(*pair, "mail.example.com", NOW, tmp_path)
        assert finding.level is Level.PROBLEM


def test_a_key_everybody_can_read(files: tuple[Path, Path], tmp_path: Path) -> None:
    os.chmod(files[1], 0o644)
    words = [one.words for one in check_certificate(*files, "mail.example.com", NOW, tmp_path)]
    assert any("chmod o=" in one for one in words)


def together(tmp_path: Path, *each: tuple[str, ...], hostname: str = "mail.example.com") -> dict[Level, str]:
    pairs = []
    for number, names in enumerate(each):
        made = self_signed(names, NOW, SeededChance(number))
        pair = tmp_path / f"{number}.pem", tmp_path / f"{number}.key"
        pair[0].write_bytes(made.certificate)
        pair[1].write_bytes(made.key)
        pair[1].chmod(0o600)
        pairs.append(pair)
    found = check_certificates(pairs, hostname, NOW, tmp_path)
    return {level: " | ".join(one.words for one in found if one.level is level) for level in Level}


def test_several_certificates_are_named_with_their_days(tmp_path: Path) -> None:
    levels = together(tmp_path, ("mail.example.com",), ("mail.example.net", "*.example.org"))
    assert levels[Level.PROBLEM] == ""
    assert levels[Level.OK].count("3649 days more") == 2


def test_what_several_certificates_can_get_wrong_together(tmp_path: Path) -> None:
    other_first = together(tmp_path, ("mail.example.net",), ("mail.example.com",))
    assert "put the one that is first" in other_first[Level.WARNING]
    assert other_first[Level.PROBLEM] == ""
    twice = together(tmp_path, ("mail.example.com",), ("mail.example.com", "b.example"))
    assert "never shown for mail.example.com" in twice[Level.WARNING]
    none = together(tmp_path, ("mail.example.net",), ("mail.example.org",))
    assert "none is for mail.example.com" in none[Level.PROBLEM]
