"""A database as it was at one moment: copied while others write, and read back by itself.

The engine's part of backup and restore; what is in the tables is `ops.inventory`'s business.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

import apsw

from correo.mail.errors import Kind, Refused
from correo.storage.db import Tx
from correo.storage.db.sqlite import SqliteTx, connect, drive

P = ParamSpec("P")
T = TypeVar("T")

STEP = 1_000  # pages copied between two reports of progress: 4 MB
MAX_FAULTS = 20  # that one check names: more say nothing new

Progress = Callable[[int, int], None]  # done, of how much


def copy(source: Path, target: Path, progress: Progress) -> None:
    """Write the database `source`, as it is at this moment, to the new file `target`, and sync it.

    Others go on reading and writing meanwhile; the log file beside `source` grows until this is done. Progress counts pages.
    Raises Refused UNAVAILABLE, or BROKEN where `source` cannot be read.
    """
    try:
        _copy(source, target, progress)
    except (apsw.CorruptError, apsw.NotADBError) as error:
        raise Refused(Kind.BROKEN, f"the database {source} is damaged: {error}") from error
    except apsw.Error as error:
        raise Refused(Kind.UNAVAILABLE, f"copying {source} to {target}: {error}") from error
    _sync(target)


def _copy(source: Path, target: Path, progress: Progress) -> None:
    reader = connect(str(source), readonly=True)
    writer = apsw.Connection(str(target))
    try:
        writer.execute("PRAGMA synchronous = OFF")  # synced once, at the end
        # The transaction is what keeps every page from the same moment: without one, each step would see its own.
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM sqlite_schema").fetchall()
        with writer.backup("main", reader, "main") as backup:
            while not backup.done:
                backup.step(STEP)
                progress(backup.page_count - backup.remaining, backup.page_count)
        reader.execute("ROLLBACK")
        # One file that needs no log beside it; the server turns the log on again when it opens the copy.
        writer.execute("PRAGMA journal_mode = DELETE")
    finally:
        writer.close()
        reader.close()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class Snapshot:
    """A copy that nobody writes to. Damage met while reading raises Refused(BROKEN)."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection

    def read(self, op: Callable[Concatenate[Tx, P], Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return drive(op(SqliteTx(self._connection), *args, **kwargs))
        except apsw.Error as error:
            raise Refused(Kind.BROKEN, f"the database cannot be read: {error}") from error

    def faults(self) -> list[str]:
        """What is wrong with the structure of the file: reads all of it."""
        try:
            found = [str(row[0]) for row in self._connection.execute(f"PRAGMA integrity_check({MAX_FAULTS})")]
            loose = self._connection.execute("PRAGMA foreign_key_check").fetchall()
        except apsw.Error as error:
            return [f"the database cannot be read: {error}"]
        faults = [] if found == ["ok"] else found
        return (
            faults
            + [f"a row of {row[0]} points to a row of {row[2]} that is not there" for row in loose][
                :MAX_FAULTS
            ]
        )


@contextmanager
def opened(path: Path, *, live: bool = False) -> Iterator[Snapshot]:
    """Read a copy made by `copy`, leaving no trace beside it; or, `live`, the state at this moment of a database in use.

    Raises Refused(BROKEN).
    """
    try:
        connection = connect(str(path), readonly=True) if live else _immutable(path)
        connection.execute("BEGIN")
    except apsw.Error as error:
        raise Refused(Kind.BROKEN, f"the database {path} cannot be opened: {error}") from error
    try:
        yield Snapshot(connection)
    finally:
        connection.close()


def _immutable(path: Path) -> apsw.Connection:
    """No locks and no log, so that a backup on a read-only disk can be looked at too."""
    uri = path.resolve().as_uri() + "?immutable=1"
    return apsw.Connection(uri, flags=apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI)


def recognised(path: Path) -> bool:
    """Whether the file is a database of this engine, or still empty. Raises OSError."""
    with path.open("rb") as file:
        head = file.read(16)
    return head in (b"", b"SQLite format 3\0")
