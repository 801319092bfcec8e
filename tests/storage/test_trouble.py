"""SQLite when things go wrong around it: other processes, the disk, cancelled tasks. Nothing hangs, nothing is lost."""

from __future__ import annotations

import asyncio
import fcntl
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import apsw
import pytest

from correo.mail.errors import Kind, Refused
from correo.storage.db import Tx
from correo.storage.db import sqlite as engine
from correo.storage.db.sqlite import Sqlite, Suspended
from correo.storage.db.turns import Turns

HOLDER = """
import sys
from pathlib import Path
from correo.storage.db.sqlite import connect
from correo.storage.db.turns import Turns

path = Path(sys.argv[1])
assert Turns(path).take(30)
connection = connect(str(path))
connection.execute("BEGIN IMMEDIATE")
connection.execute("INSERT INTO t VALUES (999)")
print("mine", flush=True)
sys.stdin.read()
"""


async def put(tx: Tx, number: int) -> None:
    await tx.run("INSERT INTO t VALUES ($1)", number)


async def numbers(tx: Tx) -> list[int]:
    return [row[0] for row in await tx.all("SELECT number FROM t ORDER BY number")]


async def make(tx: Tx) -> None:
    await tx.run("CREATE TABLE t (number INTEGER PRIMARY KEY)")


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[Sqlite]:
    database = await Sqlite.open(tmp_path / "t.db", now=1)
    await database.write(make)
    yield database
    await database.close()


class Disk(apsw.VFS):
    """A file system whose syncs can be made to fail."""

    def __init__(self) -> None:
        self.broken = False
        super().__init__("disk", "unix", True)

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> apsw.VFSFile:
        return DiskFile(self, name, flags)


class DiskFile(apsw.VFSFile):
    def __init__(self, disk: Disk, name: str | apsw.URIFilename | None, flags: list[int]) -> None:
        self.disk = disk
        super().__init__("unix", name, flags)

    def xSync(self, flags: int) -> None:
        if self.disk.broken:
            raise apsw.IOError("the disk does not sync")
        super().xSync(flags)


@pytest.fixture
def disk() -> Iterator[Disk]:
    made = Disk()
    yield made
    made.unregister()


async def test_a_sync_that_fails_refuses_all_of_its_batch_and_the_next_one_works(
    disk: Disk, db: Sqlite
) -> None:
    disk.broken = True
    results = await asyncio.gather(*(db.write(put, number) for number in range(5)), return_exceptions=True)
    assert all(isinstance(result, Refused) and result.kind is Kind.UNAVAILABLE for result in results)
    assert len({id(result) for result in results}) == 5, "an exception that is raised twice tells two stories"
    assert await db.read(numbers) == []
    with pytest.raises(Refused):
        await db.bulk(put, 6)
    disk.broken = False
    await db.write(put, 7)
    assert await db.read(numbers) == [7]


async def test_a_writer_who_knows_no_turns_does_not_hold_up_the_loop(db: Sqlite, tmp_path: Path) -> None:
    shell = apsw.Connection(str(tmp_path / "t.db"))
    shell.execute("BEGIN IMMEDIATE")
    writing = asyncio.ensure_future(db.write(put, 1))
    for _ in range(20):
        assert await db.read(numbers) == []
        assert await db.scan(numbers) == []
    assert not writing.done()
    shell.execute("COMMIT")
    await writing
    assert await db.read(numbers) == [1]
    shell.close()


async def test_a_writer_who_never_ends_is_a_refusal(
    db: Sqlite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "PATIENCE", 0)
    shell = apsw.Connection(str(tmp_path / "t.db"))
    shell.execute("BEGIN IMMEDIATE")
    with pytest.raises(Refused) as refused:
        await db.write(put, 1)
    assert refused.value.kind is Kind.UNAVAILABLE
    shell.close()
    await db.write(put, 1)


async def test_a_process_that_never_ends_its_turn_is_a_refusal(
    db: Sqlite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "PATIENCE", 0)
    other = Turns(tmp_path / "t.db")
    assert other.try_take()
    with pytest.raises(Refused, match="another process"):
        await db.write(put, 1)
    other.release()
    other.close()
    await db.write(put, 1)


async def test_a_process_that_is_killed_leaves_its_turn_and_undoes_its_work(
    db: Sqlite, tmp_path: Path
) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path / "t.db")], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert holder.stdout
    assert await asyncio.to_thread(holder.stdout.readline) == b"mine\n"
    writing = asyncio.ensure_future(db.write(put, 1))
    assert await db.scan(numbers) == []
    assert not writing.done()
    holder.send_signal(signal.SIGKILL)
    await writing
    assert await db.read(numbers) == [1]
    holder.communicate()


def test_who_waits_in_the_door_is_not_overtaken(tmp_path: Path) -> None:
    first, second = Turns(tmp_path / "t.db"), Turns(tmp_path / "t.db")
    assert first.try_take()
    assert not second.try_take()
    assert not second.take(0)
    with (tmp_path / "t.db-turn").open("r+") as door:
        fcntl.flock(door, fcntl.LOCK_EX)
        first.release()
        assert not first.try_take(), "the room is free, and still somebody else is next"
    assert second.take(0)
    first.close()
    second.close()


async def test_nobody_can_cancel_what_serves_all(db: Sqlite) -> None:
    writing = [asyncio.ensure_future(db.write(put, number)) for number in range(3)]
    await asyncio.sleep(0)  # the tasks have begun, and what serves them has not
    serving = asyncio.all_tasks() - {asyncio.current_task(), *writing}
    for task in serving:
        task.cancel()
    await asyncio.gather(*writing)
    writing = [asyncio.ensure_future(db.write(put, number)) for number in range(10, 13)]
    while not (db._turning and db._writer.in_transaction):
        await asyncio.sleep(0)
    db._turning.cancel()  # COMMIT is in the thread
    db._turning.cancel()
    late = asyncio.ensure_future(db.write(put, 20))
    await asyncio.gather(*writing, late)
    assert await db.read(numbers) == [0, 1, 2, 10, 11, 12, 20]


async def test_an_operation_that_meets_a_cancelled_future_is_at_fault_alone(db: Sqlite) -> None:
    async def waiter(tx: Tx) -> None:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        future.cancel()
        await future

    results = await asyncio.gather(
        db.write(put, 1), db.write(waiter), db.write(put, 2), return_exceptions=True
    )
    assert isinstance(results[1], Suspended)
    assert await db.read(numbers) == [1, 2]
    with pytest.raises(Suspended):
        await db.read(waiter)


async def test_whatever_waits_when_it_is_closed_is_finished(tmp_path: Path) -> None:
    db = await Sqlite.open(tmp_path / "t.db", now=1)
    await db.write(make)
    writing = [asyncio.ensure_future(db.write(put, number)) for number in range(engine.MAX_BATCH + 20)]
    scanning = [asyncio.ensure_future(db.scan(numbers)) for _ in range(5)]
    await asyncio.sleep(0)
    closing = [asyncio.ensure_future(db.close()) for _ in range(2)]
    late = asyncio.ensure_future(db.write(put, 100_000))
    await asyncio.gather(*closing, *writing, *scanning)
    with pytest.raises(Refused, match="closed"):
        await late
    again = await Sqlite.open(tmp_path / "t.db", now=1)
    assert await again.read(numbers) == list(range(engine.MAX_BATCH + 20))
    await again.close()


async def test_closing_that_is_cancelled_stops_nobody(tmp_path: Path) -> None:
    db = await Sqlite.open(tmp_path / "t.db", now=1)
    await db.write(make)
    writing = asyncio.ensure_future(db.write(put, 1))
    await asyncio.sleep(0)
    closing = asyncio.ensure_future(db.close())
    await asyncio.sleep(0)
    closing.cancel()
    await asyncio.gather(closing, return_exceptions=True)
    await writing
    await db.close()


async def test_a_file_that_is_no_database_is_refused_as_broken(tmp_path: Path) -> None:
    (tmp_path / "t.db").write_bytes(b"something else " * 1000)
    with pytest.raises(Refused) as refused:
        await Sqlite.open(tmp_path / "t.db", now=1)
    assert refused.value.kind is Kind.BROKEN
    with pytest.raises(Refused) as refused:
        await Sqlite.open(tmp_path / "no" / "such" / "folder", now=1)
    assert refused.value.kind is Kind.UNAVAILABLE


async def test_a_scan_that_finds_no_database_is_refused(db: Sqlite, tmp_path: Path) -> None:
    (tmp_path / "t.db").rename(tmp_path / "u.db")
    with pytest.raises(Refused) as refused:
        await db.scan(numbers)
    assert refused.value.kind is Kind.UNAVAILABLE
    (tmp_path / "u.db").rename(tmp_path / "t.db")


async def test_the_log_is_cut_again_after_a_long_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "LOG_KEPT", 100_000)
    monkeypatch.setattr(engine, "CHECKPOINT_PAGES", 10)
    db = await Sqlite.open(tmp_path / "t.db", now=1)
    await db.write(make)
    shell = apsw.Connection(str(tmp_path / "t.db"))
    shell.execute("BEGIN; SELECT * FROM t").fetchall()
    for start in range(40):
        await db.write(fill, start)
    log = tmp_path / "t.db-wal"
    assert log.stat().st_size > 300_000
    shell.execute("COMMIT")
    for start in range(40, 43):
        await db.write(fill, start)
    assert log.stat().st_size <= 100_000
    shell.close()
    await db.close()


async def fill(tx: Tx, start: int) -> None:
    await tx.many("INSERT INTO t VALUES ($1)", [(start * 1000 + number,) for number in range(1000)])
