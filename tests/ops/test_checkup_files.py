"""Files that the configuration names: each is read as the server will."""

from __future__ import annotations

from pathlib import Path

import trustme

from correo.ops.checkup import Level
from correo.ops.checkup.files import check_authorities, check_secrets


def test_secrets(tmp_path: Path) -> None:
    good, empty, odd, wide = (tmp_path / name for name in ("good", "empty", "odd", "wide"))
    good.write_text("secret word\n")
    empty.write_text("\n")
    odd.write_bytes(b"\xff\n")
    wide.write_text("secret word\n")
    for path in (good, empty, odd):
        path.chmod(0o600)
    wide.chmod(0o644)
    named = {path.name: path for path in (good, empty, odd, wide, tmp_path / "missing", tmp_path)}
    found = {one.about: one for one in check_secrets(named, tmp_path)}
    assert {about: one.level for about, one in found.items()} == {
        "empty": Level.PROBLEM,
        "odd": Level.PROBLEM,
        "wide": Level.WARNING,
        "missing": Level.PROBLEM,
        tmp_path.name: Level.PROBLEM,
    }
    assert "secret word" not in "".join(one.words for one in found.values())
    assert check_secrets(named, tmp_path / "not there yet")


def test_authorities(tmp_path: Path) -> None:
    trustme.CA().cert_pem.write_to_path(str(tmp_path / "good.pem"))
    (tmp_path / "odd.pem").write_text("nonsense")
    named = {name: tmp_path / f"{name}.pem" for name in ("good", "odd", "missing")}
    found = check_authorities(named, tmp_path)
    assert [(one.about, one.level) for one in found] == [("odd", Level.PROBLEM), ("missing", Level.PROBLEM)]
