"""The duty that forgets journeys which ended long ago."""

from __future__ import annotations

import asyncio

from correo import ledger
from correo.ops.leisure import Leisure
from correo.storage.db import Database


async def forget_journeys(db: Database, before: int) -> None:
    """All that ended before the instant `before`, in small batches, and no faster than others leave time for."""
    leisure = Leisure(asyncio.get_running_loop().time, asyncio.sleep)
    last = 0
    while last := await db.bulk(ledger.forget, last, before):
        await leisure.rest()
