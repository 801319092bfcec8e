"""SQLite through apsw: group commit, inline reads, and one writer at a time across processes.

Operations run in the event loop's thread, on the one connection that writes: a statement takes microseconds, where handing
each one between threads would cost more than the work (docs/decisions/0004-group-commit.md). What takes long is the sync at
the end, so COMMIT alone goes to a thread; whatever arrives meanwhile forms the next batch. Each operation of a batch has a
savepoint of its own, and its future is resolved after the batch's commit.

Processes take turns by an advisory lock on a file beside the database, which is fair where SQLite's own polling is not.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import apsw

from correo.mail.errors import Kind, Refused
from correo.storage.db import Op, P, Row, Tx
from correo.storage.db.migrate import migrate, migrations
from correo.storage.db.translate import sqlite_sql

T = TypeVar("T")

MAX_BATCH = 256  # operations in one commit: bounds how long the first of them waits for the last
BUSY_MS = 30_000  # how long to wait for a process that ignores the lock file, such as the sqlite3 shell
STATEMENTS = 400  # prepared statements kept for each connection; there are about 200 in the source
CACHE_KIB = 64 * 1024
CHECKPOINT_PAGES = 4_000  # 16 MB of log between checkpoints: fewer syncs of the main file
SCANNERS = 2  # threads for long reads


class Suspended(RuntimeError):
    """An operation awaited something that is not its transaction."""


def drive(operation: Awaitable[T]) -> T:
    """Run an operation to its end without an event loop (law 5: it awaits nothing but `tx`)."""
    coroutine = operation.__await__()
    try:
        next(coroutine)
    except StopIteration as stop:
        result: T = stop.value
        return result
    coroutine.close()
    raise Suspended("a transaction may await only its tx")


class SqliteTx:
    __slots__ = ("_connection", "_execute")

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection
        self._execute = connection.execute

    async def all(self, sql: str, *params: object) -> list[Row]:
        return self._execute(sqlite_sql(sql), params).fetchall()

    async def one(self, sql: str, *params: object) -> Row | None:
        cursor = self._execute(sqlite_sql(sql), params)
        row = cursor.fetchone()
        cursor.close()
        return row

    async def run(self, sql: str, *params: object) -> int:
        self._execute(sqlite_sql(sql), params)
        return self._connection.changes()

    async def many(self, sql: str, rows: Iterable[Row]) -> None:
        self._connection.executemany(sqlite_sql(sql), rows)


@dataclass(slots=True)
class _Waiting:
    """An operation on its way: what to run, and whom to tell."""

    make: Callable[[Tx], Awaitable[Any]]
    done: asyncio.Future[Any]
    bulk: bool
    result: Any = None
    error: BaseException | None = None


def connect(path: str, *, readonly: bool = False) -> apsw.Connection:
    flags = apsw.SQLITE_OPEN_READONLY if readonly else apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE
    connection = apsw.Connection(path, flags=flags, statementcachesize=STATEMENTS)
    connection.set_busy_timeout(BUSY_MS)
    connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
    if not readonly:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
        connection.execute("PRAGMA foreign_keys = ON")
    return connection


class Sqlite:
    """A `Database` in one file. With `threaded=False` commits run inline, for virtual time and short commands."""

    def __init__(self, path: Path, *, threaded: bool = True) -> None:
        self._path = str(path)
        self._writer = connect(self._path)
        self._lock = os.open(f"{path}-lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._reader = connect(self._path, readonly=True)
        self._tx = SqliteTx(self._writer)
        self._read_tx = SqliteTx(self._reader)
        self._queue: deque[_Waiting] = deque()
        self._turning: asyncio.Task[None] | None = None
        self._syncer = ThreadPoolExecutor(1, "sqlite-sync") if threaded else None
        self._scanner = ThreadPoolExecutor(SCANNERS, "sqlite-scan") if threaded else None
        self._idle_readers: deque[apsw.Connection] = deque()
        self._version = self._data_version()
        self._closed = False

    @classmethod
    async def open(cls, path: Path, *, now: int, threaded: bool = True) -> Sqlite:
        """Open or make the database at `path` and bring its schema up to date. Raises SchemaMismatch."""
        database = cls(path, threaded=threaded)
        try:
            await database.write(migrate, migrations(), now)
        except BaseException:
            await database.close()
            raise
        return database

    async def write(self, op: Op[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        result: T = await self._submit(lambda tx: op(tx, *args, **kwargs), bulk=False)
        return result

    async def bulk(self, op: Op[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        result: T = await self._submit(lambda tx: op(tx, *args, **kwargs), bulk=True)
        return result

    async def read(self, op: Op[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        self._refuse_if_closed()
        return _in_snapshot(self._reader, lambda: drive(op(self._read_tx, *args, **kwargs)))

    async def scan(self, op: Op[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        self._refuse_if_closed()
        if self._scanner is None:
            return await self.read(op, *args, **kwargs)

        def work() -> T:
            try:
                connection = self._idle_readers.popleft()
            except IndexError:
                connection = connect(self._path, readonly=True)
            try:
                return _in_snapshot(connection, lambda: drive(op(SqliteTx(connection), *args, **kwargs)))
            finally:
                self._idle_readers.append(connection)

        return await asyncio.get_running_loop().run_in_executor(self._scanner, work)

    async def changed_elsewhere(self) -> bool:
        if self._turning or self._closed:
            return False  # the writing connection is in use; whoever asks will ask again
        version = self._data_version()
        changed, self._version = version != self._version, version
        return changed

    async def close(self) -> None:
        self._closed = True
        if self._turning:
            await asyncio.gather(self._turning, return_exceptions=True)
        for pool in (self._syncer, self._scanner):
            if pool:
                pool.shutdown()
        for connection in (*self._idle_readers, self._reader, self._writer):
            connection.close()
        self._idle_readers.clear()
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def _data_version(self) -> int:
        version: int = self._writer.pragma("data_version")
        return version

    def _refuse_if_closed(self) -> None:
        if self._closed:
            raise Refused(Kind.UNAVAILABLE, "the database is closed")

    async def _submit(self, make: Callable[[Tx], Awaitable[Any]], *, bulk: bool) -> Any:
        self._refuse_if_closed()
        loop = asyncio.get_running_loop()
        waiting = _Waiting(make, loop.create_future(), bulk)
        self._queue.append(waiting)
        if self._turning is None:
            self._turning = loop.create_task(self._turn())
        return await waiting.done

    async def _turn(self) -> None:
        """Commit batch after batch until nobody waits."""
        try:
            while self._queue:
                batch = self._next_batch()
                try:
                    await self._commit(batch)
                except apsw.Error as error:
                    refusal = _translated(error)
                    for waiting in batch:
                        waiting.error = waiting.error or refusal
                except BaseException as error:
                    for waiting in batch:
                        waiting.error = waiting.error or error
                    if not isinstance(error, Exception):
                        raise
                finally:
                    for waiting in batch:
                        _tell(waiting)
        finally:
            self._turning = None

    def _next_batch(self) -> list[_Waiting]:
        batch = [self._queue.popleft()]
        while self._queue and not batch[0].bulk and not self._queue[0].bulk and len(batch) < MAX_BATCH:
            batch.append(self._queue.popleft())
        return batch

    async def _commit(self, batch: list[_Waiting]) -> None:
        loop = asyncio.get_running_loop()
        if not self._try_lock():
            if self._syncer:
                await loop.run_in_executor(self._syncer, fcntl.flock, self._lock, fcntl.LOCK_EX)
            else:
                fcntl.flock(self._lock, fcntl.LOCK_EX)
        try:
            if batch[0].bulk and self._syncer:
                await loop.run_in_executor(self._syncer, self._run_and_commit, batch)
            elif self._run(batch):
                if self._syncer:
                    await loop.run_in_executor(self._syncer, self._writer.execute, "COMMIT")
                else:
                    self._writer.execute("COMMIT")
        finally:
            if not self._writer.get_autocommit():
                self._writer.execute("ROLLBACK")
            fcntl.flock(self._lock, fcntl.LOCK_UN)

    def _try_lock(self) -> bool:
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _run_and_commit(self, batch: list[_Waiting]) -> None:
        if self._run(batch):
            self._writer.execute("COMMIT")

    def _run(self, batch: list[_Waiting]) -> bool:
        """Run each operation in its savepoint; whether there is anything to commit."""
        execute = self._writer.execute
        execute("BEGIN IMMEDIATE")
        worked = 0
        for waiting in batch:
            execute("SAVEPOINT op")
            try:
                waiting.result = drive(waiting.make(self._tx))
                worked += 1
            except Exception as error:
                waiting.error = _translated(error) if isinstance(error, apsw.Error) else error
                if self._writer.get_autocommit():
                    raise  # SQLite undid the whole batch (disk full, I/O error): nobody's work is there
                execute("ROLLBACK TO op")
            execute("RELEASE op")
        if not worked:
            execute("ROLLBACK")
        return worked > 0


def _tell(waiting: _Waiting) -> None:
    if waiting.done.done():
        return  # whoever asked has gone; the work stands
    if waiting.error is not None:
        waiting.done.set_exception(waiting.error)
    else:
        waiting.done.set_result(waiting.result)


def _in_snapshot(connection: apsw.Connection, work: Callable[[], T]) -> T:
    connection.execute("BEGIN")
    try:
        return work()
    except apsw.Error as error:
        raise _translated(error) from error
    finally:
        if not connection.get_autocommit():
            connection.execute("ROLLBACK")


def _translated(error: apsw.Error) -> Exception:
    """What the outside world did is a refusal; what we did wrong stays an error of ours."""
    if isinstance(
        error,
        apsw.FullError
        | apsw.IOError
        | apsw.BusyError
        | apsw.ReadOnlyError
        | apsw.CantOpenError
        | apsw.NoMemError,
    ):
        refused = Refused(Kind.UNAVAILABLE, f"database: {error}")
        refused.__cause__ = error
        return refused
    return error
