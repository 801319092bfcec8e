"""One SQL for every engine, and transactions that are functions.

A transaction is `async def op(tx, ...)` that awaits nothing but `tx`. It runs alone against a consistent snapshot, all or
nothing, and may be run again from the start: clock, ids and chance come in as arguments, and what must happen after the
commit is returned and done by the caller. When `write` returns, the result is on disk and synced.

Statements use `$1`, `$2`, ... and the dialect SQLite and PostgreSQL share: `ON CONFLICT`, `RETURNING`, CTEs, window
functions. Times are integer microseconds UTC, ids integers made by us, booleans 0 and 1, folded text in columns of its own.

Errors: `Refused` raised by an operation undoes it and reaches the caller; a full disk, an I/O error or a lock that is never
released becomes `Refused(UNAVAILABLE)`; anything else is a fault of ours and is raised as it is.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

Row = tuple[Any, ...]
P = ParamSpec("P")
T = TypeVar("T")


class Tx(Protocol):
    """A transaction that is open; only the operation that was given it may use it, and only until it returns."""

    async def all(self, sql: str, *params: object) -> list[Row]:
        """Every row of the result."""
        ...

    async def one(self, sql: str, *params: object) -> Row | None:
        """The first row, or None."""
        ...

    async def run(self, sql: str, *params: object) -> int:
        """Execute; the number of rows changed."""
        ...

    async def many(self, sql: str, rows: Iterable[Row]) -> None:
        """Execute once for each row of parameters."""
        ...


Op = Callable[Concatenate[Tx, P], Awaitable[T]]


class Database(Protocol):
    async def write(self, op: Op[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `op` in a transaction that may write; return once it is durable. Many are committed together."""
        ...

    async def bulk(self, op: Op[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """As `write`, for operations over thousands of rows: they do not hold up the event loop."""
        ...

    async def note(self, op: Op[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """As `write`, but not durable yet: it is within a second, or with the next `write`. A loss of power before that undoes it
        as if it had never been; a crash of the process does not.

        For what would only be done again, and of which nobody has been told.
        """
        ...

    async def join(self, op: Op[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """As `note`, for what is in no hurry either: it waits for a moment for a commit that it can be part of."""
        ...

    async def read(self, op: Op[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `op` against what is committed; for point reads of at most some hundred rows."""
        ...

    async def scan(self, op: Op[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """As `read`, for reads over thousands of rows or large values: they do not hold up the event loop."""
        ...

    async def changed_elsewhere(self) -> bool:
        """Whether a process that does not announce it on the bus has committed anything since this was last asked."""
        ...

    async def close(self) -> None:
        """Finish what was begun and let go of the database; later calls raise Refused(UNAVAILABLE)."""
        ...
