"""Which commits are synced, and when those are that were not at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Any

import pytest

from correo.clock.virtual import run
from correo.mail.errors import Kind, Refused
from correo.storage.db import Tx
from correo.storage.db.notes import MANY, SECONDS, Notes
from correo.storage.db.sqlite import COMPANY, LEISURE, Sqlite, connect

FULL, NORMAL, OFF = 2, 1, 0


async def level(tx: Tx) -> int:
    """How the transaction that it runs in will be committed."""
    await tx.run("INSERT INTO t VALUES ($1)", 1)
    row = await tx.one("PRAGMA synchronous")
    assert row
    return int(row[0])


async def refuse(tx: Tx) -> None:
    raise Refused(Kind.NOT_FOUND)


async def make(tx: Tx) -> None:
    await tx.run("CREATE TABLE t (number INTEGER)")


async def test_what_is_written_is_synced_and_what_is_noted_is_not(tmp_path: Path) -> None:
    db = await Sqlite.open(tmp_path / "t.db", now=1)
    await db.write(make)
    assert await db.note(level) == NORMAL
    assert await db.write(level) == FULL
    assert await db.note(level) == NORMAL
    assert await db.bulk(level) == FULL
    together = await asyncio.gather(db.note(level), db.write(level), db.note(level))
    assert list(together) == [FULL, FULL, FULL]
    await db.close()


async def test_notes_without_end_are_synced_now_and_then(tmp_path: Path) -> None:
    db = await Sqlite.open(tmp_path / "t.db", now=1)
    await db.write(make)
    levels = [await db.note(level) for _ in range(2 * MANY + 10)]
    assert [at for at, one in enumerate(levels) if one == FULL] == [MANY, 2 * MANY + 1]
    await db.close()


async def test_a_note_that_is_refused_leaves_nothing_to_sync(tmp_path: Path) -> None:
    db = await Sqlite.open(tmp_path / "t.db", now=1)
    await db.write(make)
    refused = await asyncio.gather(db.note(refuse), return_exceptions=True)
    assert isinstance(refused[0], Refused)
    assert await db.note(level) == NORMAL
    await db.close()
    again = await Sqlite.open(tmp_path / "t.db", now=1)
    assert await again.note(level) == NORMAL
    await again.close()


async def test_without_threads_all_is_synced(tmp_path: Path) -> None:
    db = await Sqlite.open(tmp_path / "t.db", now=1, threaded=False)
    await db.write(make)
    assert await db.note(level) == FULL
    await db.close()


async def test_what_need_not_last_is_never_synced(tmp_path: Path) -> None:
    db = await Sqlite.open(tmp_path / "t.db", now=1, durable=False)
    await db.write(make)
    assert [await db.note(level), await db.write(level), await db.note(level)] == [OFF, OFF, OFF]
    await db.close()


class Inline(Executor):
    """Counts what it is given, and does it at once."""

    def __init__(self) -> None:
        self.count = 0

    def submit(self, work: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        self.count += 1
        done: Future[Any] = Future()
        done.set_result(work(*args, **kwargs))
        return done


def test_the_log_is_synced_soon_when_nobody_writes(tmp_path: Path) -> None:
    async def play() -> None:
        connection, syncer = connect(str(tmp_path / "t.db")), Inline()
        connection.execute("CREATE TABLE t (number)")  # makes the log
        notes = Notes(str(tmp_path / "t.db"), connection, syncer, pytest.fail)
        notes.add(1)
        notes.add(2)
        await asyncio.sleep(2 * SECONDS)
        assert syncer.count == 1
        await asyncio.sleep(10 * SECONDS)
        assert syncer.count == 1
        notes.add(1)
        notes.synced()  # with what was written since
        await asyncio.sleep(2 * SECONDS)
        assert syncer.count == 1
        notes.add(1)
        notes.close()
        assert syncer.count == 2
        await asyncio.sleep(2 * SECONDS)
        assert syncer.count == 2
        connection.close()

    run(play())


def test_the_log_is_cut_also_where_few_at_a_time_are_noted_for_ever(tmp_path: Path) -> None:
    """To sync it does not cut it."""

    async def play() -> None:
        connection, syncer = connect(str(tmp_path / "t.db")), Inline()
        connection.execute("CREATE TABLE t (number)")
        notes = Notes(str(tmp_path / "t.db"), connection, syncer, pytest.fail)
        many = []
        for _ in range(4):
            many.append(notes.are_many)
            notes.add(MANY // 4)
            await asyncio.sleep(2 * SECONDS)
        assert syncer.count == 4
        many.append(notes.are_many)
        notes.synced()
        assert [*many, notes.are_many] == [False, False, False, False, True, False]
        notes.close()
        assert syncer.count == 4
        connection.close()

    run(play())


async def test_what_may_wait_is_committed_with_the_next_that_may_not(tmp_path: Path) -> None:
    db = await Sqlite.open(tmp_path / "t.db", now=0)
    await db.write(make)
    before = db._turns._taken
    waiting = [asyncio.ensure_future(db.join(level)) for _ in range(5)]
    await asyncio.sleep(0)
    assert db._turns._taken == before
    assert await db.write(level) == FULL
    assert [await one for one in waiting] == [FULL] * 5
    assert db._turns._taken == before + 2  # a turn counts at its beginning and its end
    await db.close()


async def test_what_may_wait_does_not_wait_long(tmp_path: Path) -> None:
    db = await Sqlite.open(tmp_path / "t.db", now=0)
    await db.write(make)
    loop = asyncio.get_running_loop()
    began = loop.time()
    assert await db.join(level) == NORMAL
    assert loop.time() - began >= LEISURE * 0.9
    await db.close()


async def test_much_that_may_wait_is_company_enough(tmp_path: Path) -> None:
    db = await Sqlite.open(tmp_path / "t.db", now=0)
    await db.write(make)
    db._leisure = asyncio.get_running_loop().call_later(3600, lambda: None)  # none that helps
    assert await asyncio.gather(*(db.join(level) for _ in range(COMPANY))) == [NORMAL] * COMPANY
    await db.close()


async def test_closing_waits_for_what_may_wait(tmp_path: Path) -> None:
    db = await Sqlite.open(tmp_path / "t.db", now=0)
    await db.write(make)
    waiting = [asyncio.ensure_future(db.join(level)) for _ in range(3)]
    await asyncio.sleep(0)
    await db.close()
    assert [await one for one in waiting] == [NORMAL] * 3


async def test_what_came_during_a_turn_waits_for_company_again(tmp_path: Path) -> None:
    db = await Sqlite.open(tmp_path / "t.db", now=0)
    await db.write(make)
    writing = asyncio.ensure_future(db.write(level))
    await asyncio.sleep(0)
    await asyncio.sleep(0)  # it is at its commit
    late = asyncio.ensure_future(db.join(level))
    assert await writing == FULL
    assert not late.done()
    assert await late == NORMAL
    await db.close()
