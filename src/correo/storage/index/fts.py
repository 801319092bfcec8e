"""The index in a file of its own, with SQLite's FTS5 over trigrams (docs/decisions/0011-search-index.md).

One thread writes and others read: to index takes milliseconds for each message, and none of them belong to the event loop.
What a crash takes away is at most what was added last.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from array import array
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple, TypeVar

import apsw
import structlog

from correo.storage.index import Document, Wanted
from correo.storage.index.wanted import expression, indexable
from correo.storage.threads import started

T = TypeVar("T")

READERS = 2  # threads for questions
CACHE_KIB = 16 * 1024  # for each connection
PATIENCE_MS = 30_000  # another process may have the file open
LAST = 2**63 - 1  # document
LONGEST = (
    4 * 1024 * 1024
)  # characters; what is longer takes a second to index, is rare, and is looked through each time

# Text is folded already. Without positions a third of the space; without the text itself half of that.
_SCHEMA = """CREATE VIRTUAL TABLE words USING fts5(
  text, tokenize = 'trigram case_sensitive 1', detail = none, content = '', contentless_delete = 1);
CREATE TABLE known (
  id INTEGER PRIMARY KEY,
  doc INTEGER  -- rowid in words: small numbers, of which the lists are made; NULL: its text is not there, it is always suspect
);
CREATE TABLE made (stamp TEXT NOT NULL);
INSERT INTO words (words, rank) VALUES ('automerge', 8);  -- parts of one size, not 4, before they are merged: a seventh less work, and as soon found"""
_ADD_WORDS = "INSERT INTO words (text) VALUES (?1)"
_ADD = "INSERT INTO known (id, doc) VALUES (?1, ?2)"
_IS_KNOWN = "SELECT 1 FROM known WHERE id = ?1"
_FORGET_WORDS = "DELETE FROM words WHERE rowid = (SELECT doc FROM known WHERE id = ?1)"
_FORGET = "DELETE FROM known WHERE id = ?1"
_EMPTY_WORDS = "INSERT INTO words (words) VALUES ('delete-all')"
_EMPTY = "DELETE FROM known"
_ALWAYS = "SELECT count(*) FROM known WHERE doc IS NULL"
_KNOWN = "SELECT id FROM known WHERE id > ?1 AND id <= ?2 ORDER BY id"
_SUSPECTS = """SELECT asked.value FROM carray(?1) AS asked LEFT JOIN known ON known.id = asked.value
WHERE known.doc IS NULL OR known.doc IN (SELECT rowid FROM words WHERE words MATCH ?2)"""

log = structlog.get_logger("index")


class Look(NamedTuple):
    """What an index holds."""

    known: array[int]  # documents, ascending
    always: int  # of them are suspects whatever is sought: too long, or damaged


def look(path: Path, stamp: str) -> Look | None:
    """Changes nothing. None where there is no index, or one that would be made anew."""
    if not path.exists():
        return None
    try:
        with contextlib.closing(_connect(path, apsw.SQLITE_OPEN_READONLY)) as connection:
            if connection.execute("SELECT stamp FROM made").fetchall() != [(stamp,)]:
                return None
            ((always,),) = connection.execute(_ALWAYS)
            return Look(array("q", (row[0] for row in connection.execute(_KNOWN, (0, LAST)))), always)
    except apsw.Error:
        return None


class FtsIndex:
    """An `Index`; `open` makes it."""

    def __init__(self, path: Path, writer: apsw.Connection) -> None:
        self._path = path
        self._writer = writer
        self._writing = started(1, "index-write")
        self._reading = started(READERS, "index-read")
        self._idle: deque[apsw.Connection] = deque()
        self._usable = True

    @classmethod
    def open(cls, path: Path, stamp: str) -> FtsIndex:
        """Open or make the index at `path`; one whose stamp differs, or that cannot be read, is made anew. Raises OSError."""
        try:
            return cls(path, _opened(path, stamp))
        except apsw.BusyError as error:  # it is others', and as good as can be
            raise OSError(f"{path}: {error}") from error
        except apsw.Error as error:
            log.warning("the search index is made anew", path=str(path), reason=str(error))
        _remove(path)
        try:
            return cls(path, _opened(path, stamp))
        except apsw.Error as error:
            raise OSError(f"{path}: {error}") from error

    async def add(self, documents: Sequence[Document]) -> None:
        await self._run(self._writing, lambda: self._add(documents), None)

    async def remove(self, ids: Iterable[int]) -> None:
        gone = list(ids)
        if gone:
            await self._run(self._writing, lambda: self._remove(gone), None)

    async def known(self, after: int, last: int) -> list[int]:
        def ask() -> list[int]:
            with self._reader() as reader:
                return [row[0] for row in reader.execute(_KNOWN, (after, last))]

        return await self._run(self._reading, ask, [])

    async def suspects(self, ids: array[int], wanted: Wanted) -> set[int]:
        question = expression(wanted)
        if question is None or not ids:
            return set(ids)

        def ask() -> set[int] | None:
            with self._reader() as reader:
                return {row[0] for row in reader.execute(_SUSPECTS, (apsw.carray(ids), question))}

        found = await self._run(self._reading, ask, None)
        return set(ids) if found is None else found

    async def empty(self) -> None:
        """As if it were new, for whoever has it open, too. Raises OSError."""
        try:
            await asyncio.get_running_loop().run_in_executor(self._writing, self._empty)
        except apsw.Error as error:
            raise OSError(f"{self._path}: {error}") from error

    async def close(self) -> None:
        self._usable = False
        for pool in (self._writing, self._reading):
            await asyncio.to_thread(pool.shutdown)
        for connection in (*self._idle, self._writer):
            connection.close()
        self._idle.clear()

    # -- in the threads -----------------------------------------------------------------------------------------------

    def _add(self, documents: Sequence[Document]) -> None:
        execute = self._writer.execute
        with self._writer:
            for id, text in documents:
                if execute(_IS_KNOWN, (id,)).fetchone():
                    continue
                doc = None
                if text is not None and len(text) <= LONGEST:
                    execute(_ADD_WORDS, (indexable(text),))
                    doc = self._writer.last_insert_rowid()
                execute(_ADD, (id, doc))

    def _remove(self, ids: list[int]) -> None:
        with self._writer:
            for id in ids:
                self._writer.execute(_FORGET_WORDS, (id,))
                self._writer.execute(_FORGET, (id,))

    def _empty(self) -> None:
        with self._writer:
            self._writer.execute(_EMPTY_WORDS)
            self._writer.execute(_EMPTY)

    @contextlib.contextmanager
    def _reader(self) -> Iterator[apsw.Connection]:
        try:
            connection = self._idle.popleft()
        except IndexError:
            connection = _connect(self._path, apsw.SQLITE_OPEN_READONLY)
        try:
            yield connection
        finally:
            self._idle.append(connection)

    async def _run(self, pool: ThreadPoolExecutor, work: Callable[[], T], otherwise: T) -> T:
        if not self._usable:
            return otherwise
        try:
            return await asyncio.get_running_loop().run_in_executor(pool, work)
        except (apsw.CorruptError, apsw.NotADBError) as error:
            self._usable = False
            _remove(self._path)  # those who have it open keep it; the next start finds none
            log.error("the search index is damaged; a restart makes it anew", reason=str(error))
        except apsw.Error as error:
            log.warning("the search index failed", reason=str(error))
        return otherwise


def _opened(path: Path, stamp: str) -> apsw.Connection:
    """Raises apsw.Error, also for an index with another stamp."""
    connection = _connect(path, apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")  # whole after a loss of power, if not up to date
        if not _is_made(connection):
            with connection:
                if not _is_made(connection):  # others may have waited to make it, too
                    connection.execute(_SCHEMA)
                    connection.execute("INSERT INTO made (stamp) VALUES (?1)", (stamp,))
        if connection.execute("SELECT stamp FROM made").fetchall() != [(stamp,)]:
            raise apsw.MismatchError("it was made by another version")
    except apsw.Error:
        connection.close()
        raise
    return connection


def _is_made(connection: apsw.Connection) -> bool:
    return connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'made'").fetchone() is not None


def _connect(path: Path, flags: int) -> apsw.Connection:
    if flags & apsw.SQLITE_OPEN_CREATE:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))  # it tells what is in the mail
    connection = apsw.Connection(str(path), flags=flags)
    connection.set_busy_timeout(PATIENCE_MS)
    connection.transaction_mode = "IMMEDIATE"  # who reads first and then writes is refused where another has written, and not made to wait
    connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
    return connection


def _remove(path: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        Path(f"{path}{suffix}").unlink(missing_ok=True)
