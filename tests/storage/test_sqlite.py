"""What is particular to SQLite: several processes, the disk, migrations."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import apsw
import pytest

from correo.mail.errors import Kind, Refused
from correo.storage.db import Tx
from correo.storage.db.migrate import Migration, SchemaMismatch, migrate, migrations, statements
from correo.storage.db.sqlite import Sqlite
from correo.storage.db.translate import sqlite_sql

WRITER = """
import asyncio, sys
from pathlib import Path
from correo.storage.db.sqlite import Sqlite

async def put(tx, who, number):
    await tx.run("INSERT INTO t VALUES ($1, $2)", who, number)

async def main():
    db = await Sqlite.open(Path(sys.argv[1]), now=1)
    for number in range(100):
        await db.write(put, int(sys.argv[2]), number)
    await db.close()

asyncio.run(main())
"""


async def rows(tx: Tx) -> int:
    row = await tx.one("SELECT count(*) FROM t")
    assert row
    return int(row[0])


async def make(tx: Tx) -> None:
    await tx.run("CREATE TABLE t (who INTEGER, number INTEGER, PRIMARY KEY (who, number))")


async def test_processes_take_turns_and_notice_each_other(tmp_path: Path) -> None:
    db = await Sqlite.open(tmp_path / "t.db", now=1)
    await db.write(make)
    await db.changed_elsewhere()
    assert not await db.changed_elsewhere()
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path / "t.db"), str(who)]) for who in range(3)
    ]
    for writer in writers:
        assert await asyncio.to_thread(writer.wait, 60) == 0
    assert await db.read(rows) == 300
    assert await db.changed_elsewhere()
    await db.close()


async def test_what_is_announced_is_not_noticed_and_all_else_is(tmp_path: Path) -> None:
    path = tmp_path / "t.db"
    db = await Sqlite.open(path, now=1, announced=True)
    await db.write(make)
    kin = await Sqlite.open(path, now=1, announced=True)
    assert not await db.changed_elsewhere()
    await kin.write(insert, 1)
    await db.write(insert, 2)
    assert not await db.changed_elsewhere()
    stranger = await Sqlite.open(path, now=1)
    await db.changed_elsewhere()
    await kin.write(insert, 3)
    await stranger.write(insert, 4)
    await kin.write(insert, 5)
    assert await db.changed_elsewhere()
    assert await kin.changed_elsewhere()
    assert not await db.changed_elsewhere()
    await asyncio.sleep(0)  # until nobody writes any more
    assert not await db.changed_elsewhere()
    without_turns = apsw.Connection(str(path))
    without_turns.execute("INSERT INTO t VALUES (6, 6)")
    assert await db.changed_elsewhere()
    assert not await db.changed_elsewhere()
    await asyncio.sleep(0)  # until nobody writes any more
    assert not await db.changed_elsewhere()
    without_turns.close()
    for one in (stranger, kin, db):
        await one.close()


async def insert(tx: Tx, who: int) -> None:
    await tx.run("INSERT INTO t VALUES ($1, $1)", who)


async def test_a_full_disk_is_a_refusal_and_not_a_loss(tmp_path: Path) -> None:
    db = await Sqlite.open(tmp_path / "t.db", now=1)
    await db.write(make)
    db._writer.execute("PRAGMA max_page_count = 60")

    async def fill(tx: Tx, who: int) -> None:
        await tx.many("INSERT INTO t VALUES ($1, $2)", [(who, number) for number in range(200)])

    done = 0
    with pytest.raises(Refused) as refused:
        for who in range(500):
            await db.write(fill, who)
            done += 1
    assert refused.value.kind is Kind.UNAVAILABLE
    assert await db.read(rows) == done * 200
    db._writer.execute("PRAGMA max_page_count = 1000000")
    await db.write(fill, 1000)
    assert await db.read(rows) == (done + 1) * 200
    await db.close()


async def test_commits_are_synced(tmp_path: Path) -> None:
    db = await Sqlite.open(tmp_path / "t.db", now=1)
    assert db._writer.pragma("synchronous") == 2  # FULL
    assert db._writer.pragma("journal_mode") == "wal"
    await db.close()


async def test_every_schema_file_is_applied_once(tmp_path: Path) -> None:
    db = await Sqlite.open(tmp_path / "t.db", now=7)
    assert await db.write(migrate, migrations(), 8) == []
    await db.close()


async def test_a_newer_database_is_left_alone(tmp_path: Path) -> None:
    db = await Sqlite.open(tmp_path / "t.db", now=7)
    more = [*migrations(), Migration(9999, "later", "CREATE TABLE later (id INTEGER);\n")]
    assert await db.write(migrate, more, 8) == ["later"]
    await db.close()
    with pytest.raises(SchemaMismatch, match="newer"):
        await Sqlite.open(tmp_path / "t.db", now=9)


async def test_an_edited_schema_file_is_noticed(tmp_path: Path) -> None:
    db = await Sqlite.open(tmp_path / "t.db", now=7)
    first = migrations()[0]
    with pytest.raises(SchemaMismatch, match="differs"):
        await db.write(
            migrate, [Migration(first.number, first.name, first.sql + "-- edited\n"), *migrations()[1:]], 8
        )
    await db.close()


def test_the_schema_is_one_statement_after_the_other() -> None:
    for migration in migrations():
        for statement in statements(migration.sql):
            body = "\n".join(
                line for line in statement.splitlines() if not line.strip().startswith("--")
            ).strip()
            assert body.startswith(("CREATE ", "ALTER TABLE ", "DROP INDEX ", "UPDATE ")), body


def test_dollars_in_strings_and_comments_stay() -> None:
    sql = "SELECT $1, '$2 it''s', /* $3 */ $10 -- $4"
    assert sqlite_sql(sql) == "SELECT ?1, '$2 it''s', /* $3 */ ?10 -- $4"


def test_sqlite_is_recent_enough_to_be_trusted_with_several_connections() -> None:
    """3.7.0 to 3.51.2 can lose committed data when a WAL is reset under two connections."""
    assert tuple(int(part) for part in apsw.sqlite_lib_version().split(".")) >= (3, 51, 3)


async def test_the_files_are_for_nobody_else(tmp_path: Path) -> None:
    db = await Sqlite.open(tmp_path / "t.db", now=1)
    await db.write(make)
    assert {path.stat().st_mode & 0o077 for path in tmp_path.iterdir()} == {0}
    await db.close()
