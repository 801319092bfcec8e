"""Whole messages read ahead: while some are sent, the next are read and unpacked beside the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator, Sequence

from correo import mailbox
from correo.access.imap.items.fetch.row import INLINE, Found
from correo.access.imap.octets import Octets
from correo.mail.errors import Refused
from correo.mailbox import Fetched
from correo.storage.db import Database

FEW = 8  # messages: for fewer it costs more to ask a thread than it gives
AHEAD = 128 * 1024  # octets that are read at once; twice as many are in memory


async def read_ahead(
    db: Database, octets: Octets, rows: Sequence[Fetched], *, ahead: bool
) -> AsyncGenerator[Found, None]:
    """One by one in their order. Without `ahead`, where they are large, or cannot be read, that is left to `Found.raw`."""
    portions = list(_portions(rows)) if ahead and len(rows) > FEW else []
    if not portions:
        for row in rows:
            yield Found(row, db, octets)
        return
    loop = asyncio.get_running_loop()
    coming = loop.create_task(_read(db, portions[0]))
    try:
        for at, portion in enumerate(portions, 1):
            raws = await coming
            if at < len(portions):
                coming = loop.create_task(_read(db, portions[at]))
            for row in portion:
                yield Found(row, db, octets, raws.get(row.content_id))
    finally:
        coming.cancel()


def _portions(rows: Sequence[Fetched]) -> Iterator[Sequence[Fetched]]:
    start = size = 0
    for at, row in enumerate(rows):
        size += row.size
        if at > start and (size > AHEAD or at - start == mailbox.BATCH):
            yield rows[start:at]
            start, size = at, row.size
    yield rows[start:]


async def _read(db: Database, rows: Sequence[Fetched]) -> dict[int, bytes | None]:
    small = [row.content_id for row in rows if row.size <= INLINE]
    if not small:
        return {}
    try:
        return dict(await db.scan(mailbox.raw_many, small))
    except Refused:
        return {}  # each that is asked for by itself says what is wrong
