"""Commits that are not synced at once: what was noted is durable with the next commit that is, or a moment later.

In WAL mode a commit that is not synced is a write to the log, and every sync after it covers it: after a loss of power all is there up
to some commit, and nothing of what followed (docs/decisions/0019-notes.md).
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from typing import Protocol

import apsw

MANY = 200  # operations, after which a commit is synced nevertheless: only those cut the log
SECONDS = 0.5  # after which the log is synced where nobody writes
NORMAL = 1  # the level of `PRAGMA synchronous` at which commits are not synced


class Syncer(Protocol):
    def submit(self, work: Callable[[], object], /) -> object:
        """Do it, somewhere else and without anybody waiting."""
        ...


class Notes:
    """What is committed and not synced on one connection. Used in the event loop's thread.

    `failed` is called, in a thread of `syncer`, when the log could not be synced.
    """

    def __init__(
        self, path: str, connection: apsw.Connection, syncer: Syncer, failed: Callable[[], None]
    ) -> None:
        self._log = f"{path}-wal"
        self._connection = connection
        self._syncer = syncer
        self._failed = failed
        self._checkpoint: int = connection.pragma("wal_autocheckpoint")
        usual: int = connection.pragma("synchronous")
        self._levels = {True: usual, False: min(NORMAL, usual)}
        self._durable = True  # how the connection commits at present
        self._count = 0  # operations since the last commit that was synced
        self._unsynced = False  # and the log was not, either
        self._timer: asyncio.TimerHandle | None = None

    @property
    def are_many(self) -> bool:
        return self._count >= MANY

    def prepare(self, durable: bool) -> None:
        """Before a transaction begins: whether its commit is to be synced."""
        if durable != self._durable:
            self._connection.execute(f"PRAGMA synchronous = {self._levels[durable]}")
            # A checkpoint takes long and syncs, which is nothing for the event loop's thread.
            self._connection.wal_autocheckpoint(self._checkpoint if durable else 0)
            self._durable = durable

    def add(self, count: int) -> None:
        """So many operations were committed and not synced."""
        self._count += count
        self._unsynced = True
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(SECONDS, self._time_is_over)

    def synced(self) -> None:
        """All that was committed so far is durable."""
        self._count = 0
        self._unsynced = False

    def close(self) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None
        self._time_is_over()

    def _time_is_over(self) -> None:
        self._timer = None
        if self._unsynced:
            self._unsynced = False
            self._syncer.submit(self._sync)

    def _sync(self) -> None:
        """An error is nobody's here, since nobody was promised anything; who promises something next has to know of it."""
        try:
            log = os.open(self._log, os.O_RDONLY | os.O_CLOEXEC)
            try:
                os.fdatasync(log)
            finally:
                os.close(log)
        except OSError:
            self._failed()
