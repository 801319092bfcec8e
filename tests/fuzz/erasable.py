"""A database in memory that is put back as it was, in microseconds: each client finds the same mailboxes, and none waits for a file."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import apsw

from correo.mail.errors import Kind, Refused
from correo.storage.db import Op, P, T, Tx
from correo.storage.db.migrate import migrate, migrations
from correo.storage.db.refusals import translated
from correo.storage.db.sqlite import STATEMENTS, SqliteTx, drive


class Erasable:
    """A `Database` of one connection. What was written after `keep` is gone after `erase`; closing it is for who made it."""

    def __init__(self) -> None:
        self._connection = apsw.Connection(":memory:", statementcachesize=STATEMENTS)
        self._connection.execute("PRAGMA foreign_keys = ON")
        self._tx = SqliteTx(self._connection)
        self._kept = 0
        self._closed = False

    @classmethod
    async def made(cls, now: int) -> Erasable:
        """With the schema, and nothing in it."""
        database = cls()
        await database.write(migrate, migrations(), now)
        return database

    def keep(self) -> None:
        self._connection.execute("SAVEPOINT kept")
        self._kept = self._connection.total_changes()
        self._closed = False

    def erase(self) -> None:
        self._connection.execute("ROLLBACK TO kept")
        self._kept = self._connection.total_changes()
        self._closed = False

    @property
    def changed(self) -> bool:
        """Whether anything was written since it was kept, or erased last."""
        return self._connection.total_changes() != self._kept

    async def write(self, op: Op[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await self._work(lambda tx: op(tx, *args, **kwargs))

    async def bulk(self, op: Op[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await self._work(lambda tx: op(tx, *args, **kwargs))

    async def note(self, op: Op[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await self._work(lambda tx: op(tx, *args, **kwargs))

    async def join(self, op: Op[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await self._work(lambda tx: op(tx, *args, **kwargs))

    async def read(self, op: Op[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        before = self._connection.total_changes()
        result: T = self._run(lambda tx: op(tx, *args, **kwargs))
        assert self._connection.total_changes() == before, f"{op} writes, and was to read"
        return result

    async def scan(self, op: Op[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        await asyncio.sleep(0)
        return await self.read(op, *args, **kwargs)

    async def changed_elsewhere(self) -> bool:
        return False

    async def close(self) -> None:
        self._closed = True

    async def _work(self, make: Callable[[Tx], Awaitable[T]]) -> T:
        """In a savepoint, and others have their turns before it is known how that ended, as with a commit."""
        self._connection.execute("SAVEPOINT op")
        try:
            result: T = self._run(make)
        except BaseException:
            self._connection.execute("ROLLBACK TO op")
            raise
        finally:
            self._connection.execute("RELEASE op")
        await asyncio.sleep(0)
        return result

    def _run(self, make: Callable[[Tx], Awaitable[Any]]) -> Any:
        if self._closed:
            raise Refused(Kind.UNAVAILABLE, "the database is closed")
        try:
            return drive(make(self._tx))
        except apsw.Error as error:
            raise translated(error) from error
