"""Certificates: ours to begin with, and anybody's to read."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from correo.clock.virtual import SeededChance
from correo.mail.instant import DAY, SECOND
from correo.ops.certificate import LIFETIME, covers, read_certificate, self_signed
from correo.ops.checkup import Level, by_importance
from correo.ops.checkup.certificate import check_certificate

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
