"""Backup and restore by the command line."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from correo.cli.terminal import EX_CANTCREAT, EX_CONFIG, EX_DATAERR, EX_NOINPUT, EX_USAGE


@pytest.fixture
def backup(house: Any, tmp_path: Path) -> Path:
    house.receive("zoe@example.net", "alice@example.com", "bob@example.com", body=b"Hello\r\n" * 100)
    house.receive("alice@example.com", "eve@example.net")
    ran = house("backup", tmp_path / "backups", "--json")
    assert ran.code == 0, ran.err
    return Path(ran.json["backup"])


def test_a_backup_comes_back_whole(house: Any, backup: Path, tmp_path: Path) -> None:
    assert [path.name for path in backup.parent.iterdir()] == [backup.name]
    place = tmp_path / "new"
    ran = house("restore", backup, "--data-dir", place)
    assert ran.code == 0, ran.err
    assert "2 messages read back whole" in ran.out
    assert "1 recipient in the queue" in ran.out
    assert f"{backup}/config/key.pem" in ran.out
    assert [path.name for path in place.iterdir()] == ["correo.db"]
    shutil.rmtree(house.folder / "data")
    assert (
        house("restore", backup.parent).code == 0
    )  # the newest of a folder of backups, into the configured place
    assert [row["messages"] for row in house("account", "list", "--json").json] == [1, 1]
    assert len(house("queue", "list", "--json").json) == 1
    again = house("backup", tmp_path / "again", "--json").json
    assert again["digest"] == ran_json(house, backup)["digest"]


def ran_json(house: Any, backup: Path) -> Any:
    ran = house("restore", "--check", backup, "--json")
    assert ran.code == 0, ran.err
    return ran.json


def test_everything_in_it_is_for_its_owner_alone(backup: Path) -> None:
    for path in [backup, *backup.rglob("*")]:
        assert path.stat().st_mode & 0o077 == 0, path
    assert (backup / "config" / "key.pem").read_bytes().startswith(b"-----BEGIN PRIVATE KEY-----")
    assert (backup / "config" / "correo.toml").is_file()


def test_a_restore_writes_over_nothing(house: Any, backup: Path, tmp_path: Path) -> None:
    ran = house("restore", backup)
    assert (ran.code, "is not empty" in ran.err) == (EX_CANTCREAT, True)
    assert len(house("account", "list", "--json").json) == 2
    place = tmp_path / "taken"
    place.mkdir()
    (place / "something").touch()
    assert house("restore", backup, "--data-dir", place).code == EX_CANTCREAT
    assert [path.name for path in place.iterdir()] == ["something"]


@pytest.mark.parametrize("there_before", [True, False])
def test_a_damaged_backup_leaves_nothing_behind(
    house: Any, backup: Path, tmp_path: Path, there_before: bool
) -> None:
    database = backup / "correo.db"
    octets = bytearray(database.read_bytes())
    octets[len(octets) // 2] ^= 1
    database.write_bytes(octets)
    place = tmp_path / "new"
    if there_before:
        place.mkdir()
    ran = house("restore", backup, "--data-dir", place)
    assert (ran.code, "SHA-256 differs" in ran.err) == (EX_DATAERR, True)
    assert list(place.iterdir()) == [] if there_before else not place.exists()
    assert house("restore", "--check", backup).code == EX_DATAERR


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("manifest.json", "no manifest.json"),
        ("correo.db", "correo.db is missing"),
        ("config/key.pem", "config/key.pem is missing"),
    ],
)
def test_what_is_missing_is_named(house: Any, backup: Path, name: str, words: str) -> None:
    (backup / name).unlink()
    ran = house("restore", "--check", backup)
    assert (ran.code, words in ran.err) == (EX_DATAERR, True), ran.err


def test_mistakes_are_explained(house: Any, backup: Path, correo: Any, tmp_path: Path) -> None:
    assert house("restore", "--check", backup, "--data-dir", tmp_path).code == EX_USAGE
    assert house("restore", tmp_path / "nowhere", "--check").code == EX_DATAERR
    lost = correo("--config", tmp_path / "none.toml", "restore", backup)
    assert (lost.code, "--data-dir" in lost.err) == (EX_CONFIG, True)
    assert (
        correo("--config", tmp_path / "none.toml", "restore", backup, "--data-dir", tmp_path / "n").code == 0
    )
    shutil.rmtree(house.folder / "data")
    assert house("backup", tmp_path / "more").code == EX_NOINPUT
    file = tmp_path / "file"
    file.touch()
    assert house("backup", file).code == EX_USAGE


WRITER = """
import asyncio, sys
from pathlib import Path
from correo.storage.db.sqlite import Sqlite

async def put(tx, number):
    await tx.run("INSERT INTO accounts_secret (name, value) VALUES ($1, $2)", f"left{number}", b"x" * 3000)
    await tx.run("INSERT INTO accounts_secret (name, value) VALUES ($1, $2)", f"right{number}", b"x" * 3000)

async def main():
    db = await Sqlite.open(Path(sys.argv[1]), now=1)
    print("ready", flush=True)
    number = 0
    while True:
        await db.write(put, number)
        number += 1

asyncio.run(main())
"""


def test_a_backup_while_another_process_writes(house: Any, tmp_path: Path) -> None:
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(house.database)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
        backups = [Path(house("backup", tmp_path / "backups", "--json").json["backup"]) for _ in range(3)]
    finally:
        writer.kill()
        writer.wait()
    assert len(set(backups)) == 3
    import apsw

    counts = []
    for backup in backups:
        assert house("restore", "--check", backup).code == 0
        rows = [
            row[0]
            for row in apsw.Connection(str(backup / "correo.db")).execute("SELECT name FROM accounts_secret")
        ]
        lefts = {name[4:] for name in rows if name.startswith("left")}
        assert lefts == {
            name[5:] for name in rows if name.startswith("right")
        }  # no transaction is cut in half
        counts.append(len(lefts))
    assert counts == sorted(counts)
    assert counts[0] < counts[-1]
