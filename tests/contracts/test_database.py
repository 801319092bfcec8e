"""What every `Database` promises. An engine is a row in ENGINES."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from correo.mail.errors import Kind, Refused
from correo.storage.db import Database, Tx
from correo.storage.db.sqlite import Sqlite, Suspended

ENGINES: dict[str, Callable[[Path], Awaitable[Database]]] = {
    "sqlite": lambda folder: Sqlite.open(folder / "t.db", now=1),
    "sqlite-inline": lambda folder: Sqlite.open(folder / "t.db", now=1, threaded=False),
}


@pytest.fixture(params=ENGINES)
async def db(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    database = await ENGINES[request.param](tmp_path)
    await database.write(make_table)
    yield database
    await database.close()


async def make_table(tx: Tx) -> None:
    await tx.run("CREATE TABLE IF NOT EXISTS t (id INTEGER PRIMARY KEY, word TEXT NOT NULL, data BLOB)")


async def put(tx: Tx, key: int, word: str) -> int:
    return await tx.run("INSERT INTO t (id, word) VALUES ($1, $2)", key, word)


async def put_and_refuse(tx: Tx, key: int) -> None:
    await put(tx, key, "gone")
    raise Refused(Kind.OVER_QUOTA, "because")


async def words(tx: Tx) -> list[str]:
    return [row[0] for row in await tx.all("SELECT word FROM t ORDER BY id")]


async def test_what_is_written_is_read_and_counted(db: Database) -> None:
    assert await db.write(put, 1, "one") == 1
    assert await db.bulk(put, 2, "two") == 1
    assert await db.note(put, 3, "three") == 1
    assert await db.read(words) == ["one", "two", "three"]
    assert await db.scan(words) == ["one", "two", "three"]


async def test_parameters_go_by_number_not_by_place(db: Database) -> None:
    async def swapped(tx: Tx) -> object:
        return await tx.one("SELECT $2, $1, '$1' -- $2\n", "first", "second")

    assert await db.read(swapped) == ("second", "first", "$1")


async def test_a_refusal_undoes_its_operation_and_no_other(db: Database) -> None:
    results = await asyncio.gather(
        db.write(put, 1, "one"),
        db.write(put_and_refuse, 2),
        db.note(put, 3, "three"),
        return_exceptions=True,
    )
    assert isinstance(results[1], Refused)
    assert results[1].kind is Kind.OVER_QUOTA
    assert await db.read(words) == ["one", "three"]


async def test_a_fault_in_one_operation_does_not_reach_its_neighbours(db: Database) -> None:
    await db.write(put, 1, "one")
    results = await asyncio.gather(db.write(put, 1, "again"), db.write(put, 2, "two"), return_exceptions=True)
    assert isinstance(results[0], Exception)
    assert not isinstance(results[0], Refused)
    assert await db.read(words) == ["one", "two"]


async def test_an_operation_may_await_only_its_transaction(db: Database) -> None:
    async def sleeper(tx: Tx) -> None:
        await put(tx, 1, "one")
        await asyncio.sleep(0)

    with pytest.raises(Suspended):
        await db.write(sleeper)
    assert await db.read(words) == []


async def test_many_at_once_are_all_there(db: Database) -> None:
    await asyncio.gather(*(db.write(put, key, str(key)) for key in range(600)))
    assert await db.read(words) == [str(key) for key in range(600)]


async def test_readers_never_see_half_an_operation(db: Database) -> None:
    async def pair(tx: Tx, key: int) -> None:
        await put(tx, key, "a")
        await put(tx, key + 1, "b")

    async def look() -> None:
        for _ in range(30):
            assert len(await db.scan(words)) % 2 == 0
            await asyncio.sleep(0)

    await asyncio.gather(look(), *(db.write(pair, key) for key in range(0, 200, 2)))


async def test_a_caller_who_gives_up_does_not_stop_the_others(db: Database) -> None:
    first = asyncio.ensure_future(db.write(put, 1, "one"))
    second = asyncio.ensure_future(db.write(put, 2, "two"))
    await asyncio.sleep(0)
    first.cancel()
    await second
    assert "two" in await db.read(words)


async def test_reading_cannot_write(db: Database) -> None:
    with pytest.raises(Refused):
        await db.read(put, 1, "one")


async def test_after_close_everything_is_refused(tmp_path: Path) -> None:
    for name, make in ENGINES.items():
        folder = tmp_path / name
        folder.mkdir()
        database = await make(folder)
        await database.close()
        with pytest.raises(Refused, match="closed"):
            await database.write(make_table)
        with pytest.raises(Refused, match="closed"):
            await database.read(words)
