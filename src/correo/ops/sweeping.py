"""What nobody needs any more goes: content nobody points to, the old end of the change log, what was long enough in the Trash,
journeys that ended long ago, and counts of what was sent before yesterday.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from correo.accounts import forget_sent
from correo.clock import Clock
from correo.mail.errors import Refused
from correo.mail.instant import DAY, HOUR
from correo.mailbox import collect, expire, forget
from correo.ops.forgetting import forget_journeys
from correo.storage.bus import Bus, account
from correo.storage.db import Database

log = structlog.get_logger("correo")

SWEEP = 600.0  # seconds between sweeps
BATCH = 500
CHANGES_AGE = 30 * DAY  # a client that was away for longer compares the whole mailbox instead
ORPHAN_AGE = HOUR  # a reader may still be busy with what was deleted a moment ago


async def sweep(db: Database, bus: Bus, clock: Clock, keep: Callable[[], int]) -> None:
    """A duty of the server, which never ends. `keep`: how long journeys are kept that have ended, 0 for ever."""
    while True:
        await asyncio.sleep(SWEEP)
        try:
            await _sweep(db, bus, clock.now(), keep())
        except Refused as refused:
            # A full disk, or another process with a long turn: what was left is swept the next time.
            log.warning("not all was swept", reason=refused.detail)


async def _sweep(db: Database, bus: Bus, now: int, kept: int) -> None:
    last = 0
    while last := await db.bulk(forget, last, now - CHANGES_AGE):
        log.debug("swept the change log", up_to=last)
    await _expire(db, bus, now)
    await db.bulk(forget_sent, now)
    while (await db.bulk(collect, now - ORPHAN_AGE, BATCH)).looked_at == BATCH:
        log.debug("swept", batch=BATCH)
    if kept:
        await forget_journeys(db, now - kept)


async def _expire(db: Database, bus: Bus, now: int) -> None:
    """Remove messages whose time in the Trash is over."""
    looked_at = BATCH
    while looked_at == BATCH:
        looked_at, accounts = await db.bulk(expire, now, BATCH)
        for account_id in accounts:
            bus.publish(account(account_id))
