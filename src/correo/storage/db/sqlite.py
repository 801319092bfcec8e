"""SQLite through apsw: group commit, inline reads, and one writer at a time across processes.

Operations run in the event loop's thread, on the one connection that writes: a statement takes microseconds, where handing
each one between threads would cost more than the work (docs/decisions/0004-group-commit.md). What takes long is the sync at
the end, so COMMIT alone goes to a thread; whatever arrives meanwhile forms the next batch. Each operation of a batch has a
savepoint of its own, and its future is resolved after the batch's commit.

Nothing here waits in the event loop's thread: what is locked by somebody else is tried once and then waited for in a thread.
Processes take turns by locks of our own (`storage.db.turns`), which are fair where SQLite's polling is not.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, TypeVarTuple, Unpack

import apsw

from correo.mail.errors import Kind, Refused
from correo.storage.db import Op, P, Row, Tx
from correo.storage.db.migrate import migrate, migrations
from correo.storage.db.notes import Notes
from correo.storage.db.refusals import translated, undone
from correo.storage.db.rewriting import rewrite
from correo.storage.db.translate import sqlite_sql
from correo.storage.db.turns import Turns
from correo.storage.threads import Hand, NoThreads, started

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

MAX_BATCH = 256  # operations in one commit: bounds how long the first of them waits for the last
PATIENCE = 30  # seconds to wait for another process, whether it takes turns or is, say, the sqlite3 shell
STATEMENTS = 400  # prepared statements kept for each connection; there are about 200 in the source
CACHE_KIB = 64 * 1024
CHECKPOINT_PAGES = 4_000  # 16 MB of log between checkpoints: fewer syncs of the main file
LOG_KEPT = 64 * 1024 * 1024  # octets to which the log file is cut after a long read had made it grow
SCANNERS = 2  # threads for long reads
LEISURE = 0.01  # seconds for which what may wait for company does
COMPANY = 32  # of those are company enough


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
    except asyncio.CancelledError as error:
        # From something the operation awaited; as it is, it would look as if its caller had been cancelled.
        raise Suspended("a transaction may await only its tx") from error
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
    durable: bool = True
    hurried: bool = True
    result: Any = None
    error: BaseException | None = None


def connect(
    path: str, *, readonly: bool = False, patience: float = PATIENCE, vfs: str = ""
) -> apsw.Connection:
    flags = apsw.SQLITE_OPEN_READONLY if readonly else apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE
    if not readonly:
        _make_private(path)
    connection = apsw.Connection(path, flags=flags, vfs=vfs or None, statementcachesize=STATEMENTS)
    connection.set_busy_timeout(PATIENCE * 1000)
    connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
    if not readonly:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
        connection.execute(f"PRAGMA journal_size_limit = {LOG_KEPT}")
        connection.execute("PRAGMA foreign_keys = ON")
    connection.set_busy_timeout(int(patience * 1000))
    return connection


def _make_private(path: str) -> None:
    """Mail is for nobody else to read: SQLite would make the file, and the log beside it, for all to see."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    except OSError:
        pass  # SQLite will meet the same and say so


class Sqlite:
    """A `Database` in one file. With `threaded=False` commits run inline, for virtual time and short commands.

    `announced`: what this process writes others are told by the bus, and need not notice by themselves. `durable` False: nothing
    is synced, for what need not outlive a loss of power. `vfs`: the name under which SQLite knows the file system to use, ""
    for the usual one.
    """

    def __init__(
        self,
        path: Path,
        *,
        threaded: bool = True,
        announced: bool = False,
        durable: bool = True,
        vfs: str = "",
    ) -> None:
        self._path = str(path)
        self._vfs = vfs
        # Used in the event loop's thread, where they must not wait.
        self._patience = 0 if threaded else PATIENCE
        self._writer = connect(self._path, patience=self._patience, vfs=vfs)
        if not durable:
            self._writer.execute("PRAGMA synchronous = OFF")
        self._reader = connect(self._path, readonly=True, patience=self._patience, vfs=vfs)
        self._turns = Turns(path, announced=announced)
        self._tx = SqliteTx(self._writer)
        self._read_tx = SqliteTx(self._reader)
        self._queue: deque[_Waiting] = deque()
        self._hurried = 0  # of the queue
        self._leisure: asyncio.TimerHandle | None = None  # until what is not hurried has waited long enough
        self._turning: asyncio.Task[None] | None = None
        self._syncer = Hand("sqlite-sync") if threaded else None
        self._scanner = started(SCANNERS, "sqlite-scan") if threaded else None
        self._notes = (
            Notes(self._path, self._writer, self._syncer, self._turns.doubt) if self._syncer else None
        )
        self._idle_readers: deque[apsw.Connection] = deque()
        self._of_strangers = self._turns.of_strangers
        self._seen = self._turns.of_others, self._data_version()
        self._closed = False

    @classmethod
    async def open(
        cls,
        path: Path,
        *,
        now: int,
        threaded: bool = True,
        announced: bool = False,
        durable: bool = True,
        vfs: str = "",
    ) -> Sqlite:
        """Open or make the database at `path` and bring its schema up to date.

        Raises SchemaMismatch; Refused UNAVAILABLE, or BROKEN for a file that is no database; NoThreads.
        """
        try:
            database = cls(path, threaded=threaded, announced=announced, durable=durable, vfs=vfs)
        except apsw.Error as error:
            raise translated(error) from error
        except NoThreads:
            raise
        except OSError as error:  # of the files beside it
            raise Refused(Kind.UNAVAILABLE, f"database: {error}") from error
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

    async def note(self, op: Op[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        result: T = await self._submit(lambda tx: op(tx, *args, **kwargs), bulk=False, durable=False)
        return result

    async def join(self, op: Op[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        make: Callable[[Tx], Awaitable[T]] = lambda tx: op(tx, *args, **kwargs)  # noqa: E731
        result: T = await self._submit(make, bulk=False, durable=False, hurried=self._syncer is None)
        return result

    async def read(self, op: Op[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        self._refuse_if_closed()
        try:
            return _in_snapshot(self._reader, lambda: drive(op(self._read_tx, *args, **kwargs)))
        except apsw.BusyError as error:
            if self._scanner is None:
                raise translated(error) from error
        return await self.scan(op, *args, **kwargs)

    async def scan(self, op: Op[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        self._refuse_if_closed()
        if self._scanner is None:
            return await self.read(op, *args, **kwargs)

        def work() -> T:
            try:
                with self._spare_reader() as reader:
                    return _in_snapshot(reader, lambda: drive(op(SqliteTx(reader), *args, **kwargs)))
            except apsw.BusyError as error:
                raise translated(error) from error

        return await asyncio.get_running_loop().run_in_executor(self._scanner, work)

    @contextlib.contextmanager
    def _spare_reader(self) -> Iterator[apsw.Connection]:
        """A connection for one scanning thread."""
        try:
            connection = self._idle_readers.popleft()
        except IndexError:
            try:
                connection = connect(self._path, readonly=True, vfs=self._vfs)
            except apsw.Error as error:
                raise translated(error) from error
        try:
            yield connection
        finally:
            self._idle_readers.append(connection)

    async def changed_elsewhere(self) -> bool:
        return not self._closed and (self._strangers_wrote() or self._written_without_turns())

    def _strangers_wrote(self) -> bool:
        before, self._of_strangers = self._of_strangers, self._turns.of_strangers
        return before != self._of_strangers

    def _written_without_turns(self) -> bool:
        """By the sqlite3 shell, say; not noticed where others have taken turns since, for their writing looks the same."""
        if self._turning:
            return False  # the writing connection is in use; whoever asks will ask again
        before, of_others = self._seen, self._turns.of_others
        try:
            self._seen = of_others, self._data_version()
        except apsw.BusyError:
            return False
        return before[0] == of_others and before != self._seen

    async def close(self) -> None:
        self._closed = True
        self._end_leisure()
        while self._turning:
            await asyncio.wait([self._turning])
        if self._notes:
            self._notes.close()
        for pool in (self._syncer, self._scanner):
            if pool:
                await asyncio.to_thread(pool.shutdown)
        self._part_without_doubt()
        for connection in (*self._idle_readers, self._reader, self._writer):
            connection.close()
        self._idle_readers.clear()
        self._turns.close()

    def _part_without_doubt(self) -> None:
        """The last one to close removes the log, and what comes back of it after a loss of power must not be half of it."""
        if self._turns.in_doubt:
            try:
                self._put_right()
            except apsw.Error:
                self._writer.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)

    def _data_version(self) -> int:
        version: int = self._writer.pragma("data_version")
        return version

    def _refuse_if_closed(self) -> None:
        if self._closed:
            raise Refused(Kind.UNAVAILABLE, "the database is closed")

    async def _submit(
        self,
        make: Callable[[Tx], Awaitable[Any]],
        *,
        bulk: bool,
        durable: bool = True,
        hurried: bool = True,
    ) -> Any:
        self._refuse_if_closed()
        loop = asyncio.get_running_loop()
        waiting = _Waiting(make, loop.create_future(), bulk, durable, hurried)
        self._queue.append(waiting)
        self._hurried += hurried
        if self._turning is None:
            if self._is_due():
                self._start_turning()
            elif self._leisure is None:
                self._leisure = loop.call_later(LEISURE, self._end_leisure)
        return await waiting.done

    def _is_due(self) -> bool:
        return self._hurried > 0 or len(self._queue) >= COMPANY

    def _end_leisure(self) -> None:
        """Whatever waits is committed now."""
        if self._leisure:
            self._leisure.cancel()
            self._leisure = None
        self._hurried += sum(not waiting.hurried for waiting in self._queue)
        for waiting in self._queue:
            waiting.hurried = True
        if self._queue and self._turning is None:
            self._start_turning()

    def _start_turning(self) -> None:
        self._turning = asyncio.get_running_loop().create_task(self._turn())
        self._turning.add_done_callback(self._turned)

    def _turned(self, task: asyncio.Task[None]) -> None:
        self._turning = None
        if self._is_due():  # it was cancelled before it began, or somebody came when it had just ended
            self._start_turning()
        elif self._queue and self._leisure is None:
            self._leisure = asyncio.get_running_loop().call_later(LEISURE, self._end_leisure)

    async def _turn(self) -> None:
        """Commit batch after batch until nobody is in a hurry. Serves all who wait, so that nobody can cancel it."""
        while self._is_due():
            batch = self._next_batch()
            try:
                await self._commit(batch)
            except BaseException as error:
                for waiting in batch:
                    waiting.error = waiting.error or undone(error)
                if not isinstance(error, Exception):
                    raise
            finally:
                for waiting in batch:
                    _tell(waiting)

    def _next_batch(self) -> list[_Waiting]:
        batch = [self._queue.popleft()]
        while self._queue and not batch[0].bulk and not self._queue[0].bulk and len(batch) < MAX_BATCH:
            batch.append(self._queue.popleft())
        self._hurried -= sum(waiting.hurried for waiting in batch)
        return batch

    async def _commit(self, batch: list[_Waiting]) -> None:
        if not self._turns.try_take() and not await self._patiently(self._turns.take, PATIENCE):
            raise Refused(Kind.UNAVAILABLE, "database: another process does not end its turn")
        durable = self._notes is None or self._notes.are_many or any(waiting.durable for waiting in batch)
        failed = False
        try:
            if durable and self._turns.in_doubt:
                await self._patiently(self._put_right)
            if self._notes:
                self._notes.prepare(durable)
            await self._begin()
            worked = await self._patiently(self._run, batch) if batch[0].bulk else self._run(batch)
            if worked:
                await self._end(len(batch), durable)
        except apsw.IOError:
            failed = not self._turns.in_doubt  # otherwise it was the attempt to put that right
            raise
        finally:
            try:
                if not self._writer.get_autocommit():
                    self._writer.execute("ROLLBACK")
                if failed:
                    await self._patiently(self._doubt)
            finally:
                if self._turns.held:
                    self._turns.release()

    def _doubt(self) -> None:
        """What failed may have been a sync, and the next one would not say what it left out (`storage.db.rewriting`)."""
        self._turns.doubt()
        with contextlib.suppress(apsw.Error):  # then whoever writes next tries that again
            self._put_right()

    def _put_right(self) -> None:
        doubts = self._turns.doubts
        rewrite(self._path, self._writer, self._vfs)
        self._turns.settle(doubts)

    async def _end(self, count: int, durable: bool) -> None:
        if self._notes and not durable:
            self._writer.execute("COMMIT")  # a write to the log, which waits for nothing
            self._notes.add(count)
            return
        await self._patiently(self._commit_and_leave)
        if self._notes:
            self._notes.synced()

    def _commit_and_leave(self) -> None:
        """In the thread: other processes need not wait until the event loop of this one comes round to it."""
        self._writer.execute("COMMIT")
        self._turns.release()

    async def _begin(self) -> None:
        try:
            self._writer.execute("BEGIN IMMEDIATE")
        except apsw.BusyError:
            # Somebody who knows nothing of turns: rare, and waited for in the thread.
            self._writer.set_busy_timeout(PATIENCE * 1000)
            try:
                await self._patiently(self._writer.execute, "BEGIN IMMEDIATE")
            finally:
                self._writer.set_busy_timeout(int(self._patience * 1000))

    async def _patiently(self, work: Callable[[Unpack[Ts]], T], *args: *Ts) -> T:
        """What takes time, in the thread. Waited for even when this task is cancelled: it goes on anyway, with the
        connection, and all who wait for the batch want to know how it ended."""
        if self._syncer is None:
            return work(*args)
        return await self._syncer.do(work, *args)

    def _run(self, batch: list[_Waiting]) -> bool:
        """Run each operation in its savepoint, or one alone without; whether there is anything to commit."""
        execute = self._writer.execute
        alone = len(batch) == 1  # then what it did is undone with the transaction
        worked = False
        for waiting in batch:
            if not alone:
                execute("SAVEPOINT op")
            try:
                waiting.result = drive(waiting.make(self._tx))
                worked = True
            except Exception as error:
                waiting.error = translated(error) if isinstance(error, apsw.Error) else error
                if self._writer.get_autocommit():
                    raise  # SQLite undid the whole batch (disk full, I/O error): nobody's work is there
                if not alone:
                    execute("ROLLBACK TO op")
            if not alone:
                execute("RELEASE op")
        return worked


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
    except apsw.BusyError:
        raise
    except apsw.Error as error:
        raise translated(error) from error
    finally:
        if not connection.get_autocommit():
            connection.execute("ROLLBACK")
