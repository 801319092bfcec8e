"""What a server does of its own accord, for as long as it runs. A duty never ends; if one does, the server has failed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from correo.accounts import Logins
from correo.mail.errors import Refused
from correo.mailbox.indexing import Indexer
from correo.ops.leisure import Leisure, unmeasured
from correo.ops.sweeping import SWEEP
from correo.storage.bus import LOGINS, QUEUE, Bus
from correo.storage.db import Database
from correo.storage.index import Index
from correo.transport.remote import RemoteTransport

log = structlog.get_logger("correo")

GLANCE = 1.0  # seconds between looks whether another process has written: how soon a `correo queue retry` is noticed
RENEW = 1800.0  # seconds between looks at the policies of other domains
INDEX_GLANCE = 2.0  # seconds between looks for new mail to index; until then a search reads it


async def watch(database: Database, bus: Bus) -> None:
    """Notice what processes commit that do not announce it, such as the command line."""
    while True:
        await asyncio.sleep(GLANCE)
        if await database.changed_elsewhere():
            bus.publish_all()
            bus.publish(QUEUE)


async def show_out(logins: Logins, bus: Bus) -> None:
    """End the sessions of accounts that were removed or disabled, or have another password now."""
    changed = asyncio.Event()
    bus.subscribe(LOGINS, changed.set)
    changed.set()  # what was written before we began, which concerns nobody who is here, is not to be read another time
    while True:
        await changed.wait()
        changed.clear()
        try:
            await logins.show_out()
        except Refused as refused:
            log.warning("who was shut out may still be logged in", reason=refused.detail)
            changed.set()
            await asyncio.sleep(GLANCE)


async def renew(transport: Callable[[], RemoteTransport]) -> None:
    """Fetch again what other domains ask for, before it expires."""
    while True:
        await asyncio.sleep(RENEW)
        try:
            await transport().renew()
        except Refused as refused:
            log.warning("policies of other domains are not renewed", reason=refused.detail)


async def keep_index(
    database: Database, index: Index | None, processor: Callable[[], float] = unmeasured
) -> None:
    """Add new mail to the index soon after it came; compare all of it when we start, and after each sweep."""
    if index is None:
        await asyncio.Event().wait()  # a duty never ends
        return
    loop = asyncio.get_running_loop()
    indexer = Indexer(database, index, Leisure(loop.time, asyncio.sleep, processor).rest)
    last, whole = 0, loop.time()
    while True:
        again = loop.time() >= whole
        try:
            last = await indexer.walk(0 if again else last)
        except Refused as refused:
            log.warning("the search index stays behind", reason=refused.detail)
        else:
            whole = loop.time() + SWEEP if again else whole
        await asyncio.sleep(INDEX_GLANCE)
