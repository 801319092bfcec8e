"""Connections counted by what became of their protection, as a TLS report needs it (RFC 8460 §4.3)."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import structlog

from correo.clock import Clock
from correo.mail.errors import Refused
from correo.mail.instant import DAY
from correo.storage.db import Database, Tx
from correo.transport.policy import Failure, Source

KEPT_DAYS = 30
WRITE_SECONDS = (
    60.0  # between writes: a crash loses as much of the count, and the mail itself waits for none of it
)
SLICE = 1_000  # rows deleted at once
MAX_COUNTS = (
    10_000  # different ones in memory, about 3 MB; what comes beyond before the next write is not counted
)

log = structlog.get_logger("transport")


@dataclass(frozen=True, slots=True)
class Session:
    """What is counted together."""

    day: int  # since 1970-01-01 UTC
    domain: str
    policy: Source
    mx: str  # "" where the trouble was with the policy itself
    result: Failure | None  # None is success


class Tally:
    """Counts in memory, and adds what was counted to the database about once a minute."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock
        self._counts: Counter[Session] = Counter()
        self._writing: asyncio.Task[None] | None = None

    def note(self, domain: str, policy: Source, mx: str, result: Failure | None) -> None:
        session = Session(self._clock.now() // DAY, domain, policy, mx, result)
        if session in self._counts or len(self._counts) < MAX_COUNTS:
            self._counts[session] += 1
        if self._writing is None or self._writing.done():
            self._writing = asyncio.get_running_loop().create_task(self._write_later())

    async def sweep(self) -> None:
        """Forget what is old."""
        while await self._db.bulk(forget, self._clock.now()) == SLICE:
            pass

    async def close(self) -> None:
        """Write what was counted and is not written yet."""
        if self._writing:
            self._writing.cancel()
            await asyncio.gather(self._writing, return_exceptions=True)
        await self._write()

    async def _write_later(self) -> None:
        while self._counts:
            await asyncio.sleep(WRITE_SECONDS)
            await self._write()

    async def _write(self) -> None:
        counts, self._counts = self._counts, Counter()
        if not counts:
            return
        try:
            await self._db.write(add, counts)
        except Refused as refused:
            self._counts.update(counts)
            log.warning("counting TLS results failed", reason=refused.detail)


async def add(tx: Tx, counts: Mapping[Session, int]) -> None:
    await tx.many(
        """INSERT INTO transport_tls_result (day, domain, policy, mx, result, sessions)
           VALUES ($1, $2, $3, $4, $5, $6)
           ON CONFLICT (day, domain, policy, mx, result)
           DO UPDATE SET sessions = transport_tls_result.sessions + excluded.sessions""",
        (
            (
                one.day,
                one.domain,
                one.policy.value,
                one.mx,
                one.result.value if one.result else "",
                count,
            )
            for one, count in counts.items()
        ),
    )


async def forget(tx: Tx, now: int, limit: int = SLICE) -> int:
    """What was counted more than KEPT_DAYS ago, in slices, so that other writers wait for none of it; how many rows."""
    return await tx.run(
        """DELETE FROM transport_tls_result WHERE (day, domain, policy, mx, result) IN (
             SELECT day, domain, policy, mx, result FROM transport_tls_result WHERE day < $1 LIMIT $2)""",
        now // DAY - KEPT_DAYS,
        limit,
    )


async def sessions(tx: Tx, since: int, domain: str = "") -> list[tuple[Session, int]]:
    """What was counted from the day `since` on, of one domain or of all, by day and domain."""
    only = "AND domain = $2" if domain else ""
    rows = await tx.all(
        f"""SELECT day, domain, policy, mx, result, sessions FROM transport_tls_result
            WHERE day >= $1 {only} ORDER BY day, domain, policy, mx, result""",
        since,
        *((domain,) if domain else ()),
    )
    return [
        (Session(day, name, Source(policy), mx, Failure(result) if result else None), count)
        for day, name, policy, mx, result, count in rows
    ]
