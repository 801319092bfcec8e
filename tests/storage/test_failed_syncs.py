"""A sync that failed, and what is promised after it.

Linux tells of a write that failed once, at the next sync, and then calls the pages clean: the sync after that succeeds, and says
nothing of them. The disk here does the same, page by page, so that a loss of power shows what was really written.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import apsw
import pytest

from correo.mail.errors import Kind, Refused
from correo.storage.db import Tx
from correo.storage.db import notes as noting
from correo.storage.db import sqlite as engine
from correo.storage.db.sqlite import Sqlite

PAGE = 4096  # of the page cache, whatever those of the database are
_numbers = count(1)


@dataclass(slots=True)
class Cached:
    """One file: what the disk has of it, and which pages differ as far as the kernel knows."""

    durable: dict[int, bytes] = field(default_factory=dict)
    dirty: set[int] = field(default_factory=set)


class Disk(apsw.VFS):
    """Files whose syncs fail while their ending is in `broken`."""

    def __init__(self) -> None:
        self.name = f"fsyncgate{next(_numbers)}"
        self.broken: set[str] = set()
        self.files: dict[str, Cached] = {}
        self.failed = 0
        super().__init__(self.name, "unix")

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> apsw.VFSFile:
        path = name.filename() if isinstance(name, apsw.URIFilename) else str(name)
        return DiskFile(self, path, name, flags)

    def xDelete(self, filename: str, syncdir: bool) -> None:
        self.files.pop(filename, None)
        super().xDelete(filename, syncdir)

    def power_is_lost(self, folder: Path, target: Path) -> None:
        """Into `target` what a machine finds that starts again."""
        target.mkdir()
        for path, cached in self.files.items():
            end = max(cached.durable, default=-1) + 1
            pages = (cached.durable.get(number, bytes(PAGE)) for number in range(end))
            (target / Path(path).relative_to(folder)).write_bytes(b"".join(pages))


class DiskFile(apsw.VFSFile):
    def __init__(self, disk: Disk, path: str, name: Any, flags: list[int]) -> None:
        self._disk = disk
        self._path = path
        self._cached = disk.files.setdefault(path, Cached())
        super().__init__("unix", name, flags)

    def xWrite(self, data: bytes, offset: int) -> None:
        super().xWrite(data, offset)
        self._cached.dirty.update(range(offset // PAGE, (offset + len(data) - 1) // PAGE + 1))

    def xTruncate(self, newsize: int) -> None:
        super().xTruncate(newsize)
        for number in [number for number in self._cached.durable if number * PAGE >= newsize]:
            del self._cached.durable[number]

    def xSync(self, flags: int) -> None:
        dirty, self._cached.dirty = self._cached.dirty, set()
        if any(self._path.endswith(ending) for ending in self._disk.broken):
            self._disk.failed += 1
            raise apsw.IOError("the disk does not sync")
        with open(self._path, "rb") as file:
            for number in dirty:
                file.seek(number * PAGE)
                self._cached.durable[number] = file.read(PAGE).ljust(PAGE, b"\0")


async def make(tx: Tx) -> None:
    await tx.run("CREATE TABLE t (number INTEGER PRIMARY KEY, filling BLOB)")


async def put(tx: Tx, number: int, size: int = 0) -> None:
    await tx.run("INSERT INTO t VALUES ($1, zeroblob($2))", number, size)


async def numbers(tx: Tx) -> list[int]:
    return [row[0] for row in await tx.all("SELECT number FROM t ORDER BY number")]


async def whole(tx: Tx) -> bool:
    return await tx.all("PRAGMA integrity_check") == [("ok",)]


@pytest.fixture
def disk() -> Iterator[Disk]:
    made = Disk()
    yield made
    made.unregister()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


@pytest.fixture
async def db(folder: Path, disk: Disk, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Sqlite]:
    monkeypatch.setattr(noting, "SECONDS", 3600)  # nothing is synced behind our backs
    database = await Sqlite.open(folder / "t.db", now=1, vfs=disk.name)
    await database.write(make)
    yield database
    await database.close()


async def found_in(folder: Path) -> list[int]:
    database = await Sqlite.open(folder / "t.db", now=1, threaded=False)
    try:
        assert await database.read(whole)
        return await database.read(numbers)
    finally:
        await database.close()


async def refused(db: Sqlite, number: int) -> None:
    with pytest.raises(Refused) as told:
        await db.write(put, number)
    assert told.value.kind is Kind.UNAVAILABLE


async def test_what_is_promised_after_it_does_not_rest_on_what_was_not_written(
    db: Sqlite, disk: Disk, folder: Path, tmp_path: Path
) -> None:
    await db.write(put, 1)
    await db.note(put, 2)  # the sync that is to cover this fails, and the one after it does not know of it
    disk.broken = {"-wal"}
    await refused(db, 3)
    disk.broken = set()
    await db.write(put, 4)
    disk.power_is_lost(folder, tmp_path / "after")
    assert await found_in(tmp_path / "after") == [1, 2, 4]


async def test_it_can_fail_for_long(db: Sqlite, disk: Disk, folder: Path, tmp_path: Path) -> None:
    await db.note(put, 1)
    disk.broken = {"-wal"}
    for number in range(10, 20):
        await refused(db, number)
        await db.note(put, number + 100)
    disk.broken = set()
    await db.write(put, 2)
    disk.power_is_lost(folder, tmp_path / "after")
    assert await found_in(tmp_path / "after") == [1, 2, *range(110, 120)]


async def test_another_worker_knows_of_it(db: Sqlite, disk: Disk, folder: Path, tmp_path: Path) -> None:
    """Also one that is started afterwards, when the one that met it was killed."""
    other = await Sqlite.open(folder / "t.db", now=1, vfs=disk.name)
    await db.note(put, 1)
    disk.broken = {"-wal"}
    await refused(other, 2)
    disk.broken = set()
    late = await Sqlite.open(folder / "t.db", now=1, vfs=disk.name)
    await late.write(put, 3)
    disk.power_is_lost(folder, tmp_path / "after")
    assert await found_in(tmp_path / "after") == [1, 3]
    await late.close()
    await other.close()


async def test_what_was_refused_does_not_come_back_when_the_process_is_killed(
    db: Sqlite, disk: Disk, folder: Path, tmp_path: Path
) -> None:
    """All of it is in the log, and whoever opens that next would take it for committed."""
    await db.write(put, 1)
    disk.broken = {"-wal"}
    await refused(db, 2)
    (tmp_path / "after").mkdir()
    for name in ("t.db", "t.db-wal"):
        (tmp_path / "after" / name).write_bytes((folder / name).read_bytes())
    disk.broken = set()
    assert await found_in(tmp_path / "after") == [1]


async def test_when_nobody_writes_a_sync_that_fails_is_remembered(
    db: Sqlite, disk: Disk, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(_: int) -> None:
        disk.files[str(folder / "t.db-wal")].dirty.clear()
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(noting, "SECONDS", 0)
    monkeypatch.setattr(os, "fdatasync", fails)
    await db.note(put, 1)
    turns = db._turns
    while turns.doubts == 0:
        await db.scan(numbers)
    await db.write(put, 2)
    assert not turns.in_doubt
    disk.power_is_lost(folder, tmp_path / "after")
    assert await found_in(tmp_path / "after") == [1, 2]


async def test_the_log_is_not_removed_while_it_is_in_doubt(
    db: Sqlite, disk: Disk, folder: Path, tmp_path: Path
) -> None:
    await db.note(put, 1)
    disk.broken = {"-wal"}
    await refused(db, 2)
    await db.close()
    disk.broken = set()
    again = await Sqlite.open(folder / "t.db", now=1, vfs=disk.name)
    await again.write(put, 3)
    disk.power_is_lost(folder, tmp_path / "after")
    assert await found_in(tmp_path / "after") == [1, 3]
    await again.close()


async def test_a_checkpoint_whose_sync_failed_is_made_again(
    disk: Disk, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "CHECKPOINT_PAGES", 5)
    db = await Sqlite.open(folder / "t.db", now=1, vfs=disk.name)
    await db.write(make)
    disk.broken = {"t.db"}
    for number in range(5):
        with contextlib.suppress(
            Refused
        ):  # SQLite says nothing of it, but apsw brings up what a file system of its own raised
            await db.write(put, number, 20_000)
    assert disk.failed > 0
    disk.broken = set()
    for number in range(5, 10):
        await db.write(put, number, 20_000)
        disk.power_is_lost(folder, tmp_path / f"after {number}")
        assert {*range(5, number + 1)} <= {*await found_in(tmp_path / f"after {number}")}
    await db.close()
