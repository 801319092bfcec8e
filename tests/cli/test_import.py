"""`correo import` and `correo export` as people type them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

from correo.cli.terminal import EX_CANTCREAT, EX_DATAERR, EX_NOINPUT, EX_NOUSER, EX_USAGE

NOBODY = 65534
ALICE = "alice@example.com"
FROM = b"From carol@example.com Mon Nov 23 09:53:00 2026\n"


@pytest.fixture
def maildir(tmp_path: Path) -> Path:
    root = tmp_path / "Maildir"
    for folder in ("", ".Sent.2024"):
        for part in ("cur", "new", "tmp"):
            (root / folder / part).mkdir(parents=True)
    (root / "cur" / "1.host:2,S").write_bytes(b"Subject: 1\n\n.\n")
    (root / "new" / "2.host").write_bytes(b"Subject: 2\n\n.\n")
    (root / ".Sent.2024" / "cur" / "3.host:2,S").write_bytes(b"Subject: 3\n\n.\n")
    (root / "dovecot-uidlist").write_text("3 V1275660208 N9\n4 :1.host\n8 :2.host\n")
    return root


def test_a_maildir_is_brought_once(house: Any, maildir: Path) -> None:
    first = house("import", "maildir", maildir, ALICE)
    assert (first.code, first.out.splitlines()) == (
        0,
        [
            "INBOX: 2 messages imported; UIDs kept",
            "Sent/2024: 1 message imported",
            "3 messages (51 B) imported, 0 subscriptions",
        ],
    )
    second = house("import", "maildir", maildir, ALICE, "--json")
    assert second.code == 0
    assert second.json == {
        "imported": 0,
        "known": 3,
        "size": 0,
        "subscriptions": 0,
        "folders": [
            {"folder": "INBOX", "imported": 0, "known": 2, "size": 0, "uids_kept": True},
            {"folder": "Sent/2024", "imported": 0, "known": 1, "size": 0, "uids_kept": False},
        ],
        "problems": [],
        "problem_count": 0,
    }


def test_a_dry_run(house: Any, maildir: Path) -> None:
    assert (
        "3 messages (51 B) would be imported" in house("import", "maildir", maildir, ALICE, "--dry-run").out
    )
    assert house("import", "maildir", maildir, ALICE, "--json").json["imported"] == 3


def test_what_cannot_be_brought_is_named_and_the_rest_is_brought(house: Any, maildir: Path) -> None:
    (maildir / "cur" / "0.empty").write_bytes(b"")
    (maildir / "cur" / "0.\x1b[2J").symlink_to("/etc/passwd")
    ran = house("import", "maildir", maildir, ALICE)
    assert ran.code == EX_DATAERR
    assert f"  {maildir}/cur/0.empty: empty\n" in ran.out
    assert "\x1b" not in ran.out
    assert "2 things could not be imported" in ran.out
    assert "3 messages" in ran.out


def test_many_problems_are_counted(house: Any, maildir: Path) -> None:
    for number in range(30):
        (maildir / "cur" / f"0.{number}").write_bytes(b"")
    assert "  and 10 more; --json names them" in house("import", "maildir", maildir, ALICE).out


def test_what_is_kept_in_another_way(house: Any, maildir: Path, tmp_path: Path) -> None:
    ran = house("import", "mbox", maildir, ALICE)
    assert (ran.code, "a Maildir, and no mbox: correo import maildir" in ran.out) == (EX_DATAERR, True)
    (tmp_path / "mdbox" / "mailboxes").mkdir(parents=True)
    ran = house("import", "maildir", tmp_path / "mdbox", ALICE)
    assert (ran.code, "doveadm backup" in ran.out) == (EX_DATAERR, True)


def test_a_quota_warns(house: Any, maildir: Path) -> None:
    assert house("account", "quota", ALICE, "--messages", "2").code == 0
    ran = house("import", "maildir", maildir, ALICE)
    assert ran.code == 0
    assert "now over its quota" in ran.out


def test_a_message_that_is_longer_than_those_we_take(house: Any, maildir: Path) -> None:
    text = house.config.read_text()
    house.config.write_text(text.replace("[limits]\n", '[limits]\nmessage_size = "1MiB"\n', 1))
    (maildir / "cur" / "4.host").write_bytes(b"x" * 2**20 + b"\n")
    ran = house("import", "maildir", maildir, ALICE)
    assert ran.code == EX_DATAERR
    assert "longer than limits.message_size (1048576 octets)" in ran.out


def test_an_mbox(house: Any, tmp_path: Path) -> None:
    path = tmp_path / "alice"
    path.write_bytes(FROM + b"Status: RO\nSubject: 1\n\n.\n\n" + FROM + b"Subject: 2\n\n.\n")
    assert house("import", "mbox", path, ALICE, "--into", "old", "--json").json["folders"] == [
        {"folder": "old", "imported": 2, "known": 0, "size": 34, "uids_kept": False}
    ]


@pytest.mark.parametrize("kind", ["maildir", "mbox"])
def test_there_and_back(house: Any, maildir: Path, tmp_path: Path, kind: str) -> None:
    house("import", "maildir", maildir, ALICE)
    ran = house("export", kind, ALICE, tmp_path / "out", "--json")
    assert (ran.code, ran.json["messages"], ran.json["size"]) == (0, 3, 51)
    facts = house("import", kind, tmp_path / "out", "bob@example.com", "--json").json
    assert (facts["imported"], facts["size"], facts["problem_count"]) == (3, 51, 0)
    kept = {folder["folder"]: folder["uids_kept"] for folder in facts["folders"]}
    assert (kept["INBOX"], kept["Sent/2024"]) == (True, True)


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("import", "maildir", "{}/none", ALICE), EX_NOINPUT, "cannot read {}/none: No such file"),
        (("import", "maildir", "{}", ALICE), EX_NOINPUT, "there is no mail in"),
        (("import", "mbox", "{}/none", ALICE), EX_NOINPUT, "cannot read {}/none: No such file"),
        (("import", "mbox", "/dev/null", ALICE), EX_NOINPUT, "cannot read /dev/null: not a plain file"),
        (("import", "mbox", "{}", ALICE), EX_NOINPUT, "there is no mail in"),
        (("import", "maildir", "{}", "nobody@example.com"), EX_NOUSER, "correo account add"),
        (("import", "maildir", "{}", "nobody"), EX_DATAERR, "not an address"),
        (("import", "maildir", "{}", ALICE, "--uidl-format", "%v"), EX_USAGE, "names no message"),
        (("import", "maildir", "{}", ALICE, "--into", "a//b"), EX_NOINPUT, "there is no mail in"),
        (("export", "maildir", "nobody@example.com", "{}/out"), EX_NOUSER, "correo account list"),
        (("export", "mbox", ALICE, "/proc/none/out"), EX_CANTCREAT, "cannot write"),
    ],
)
def test_refusals(house: Any, tmp_path: Path, arguments: tuple[str, ...], code: int, words: str) -> None:
    (tmp_path / "empty").mkdir()
    ran = house(*(argument.format(tmp_path / "empty") for argument in arguments))
    assert (ran.code, words.format(tmp_path / "empty") in ran.err) == (code, True), ran.err


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_root_reads_what_is_roots_and_the_data_stay_the_servers(house: Any, maildir: Path) -> None:
    """In a process of its own, which may have to load things while it is somebody who may not read them."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "etc"
        shutil.copytree(house.folder, place)
        for path in (Path(folder), place, place / "data", *place.rglob("*")):
            os.chown(path, NOBODY, NOBODY)
        text = (place / "correo.toml").read_text()
        (place / "correo.toml").write_text(text.replace(str(house.folder), str(place)))
        maildir.chmod(0o700)
        for arguments in (
            ("import", "maildir", maildir, ALICE),
            ("export", "maildir", ALICE, Path(folder) / "out"),
        ):
            command = [sys.executable, "-m", "correo", "--config", place / "correo.toml", *arguments]
            ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
            assert ran.returncode == 0, ran.stderr
            assert "3 messages" in ran.stdout
        assert {path.stat().st_uid for path in (place / "data").iterdir()} == {NOBODY}
        assert (Path(folder) / "out").stat().st_uid == 0


def test_an_export_writes_over_nothing(house: Any, tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("precious")
    ran = house("export", "maildir", ALICE, tmp_path)
    assert ran.code == EX_CANTCREAT
    assert "name a new folder" in ran.err
    assert os.listdir(tmp_path) == ["mine"] or sorted(os.listdir(tmp_path)) == ["etc", "mine"]
