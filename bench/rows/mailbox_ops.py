"""What the mailbox itself costs: deliveries, and STORE, COPY, MOVE and EXPUNGE of 20,000 messages."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Iterator
from typing import Any

import uvloop
from letters import letters
from row import OURS, Figure, Given, Row, scratch

from correo import mailbox
from correo.clock.system import SystemChance, SystemClock
from correo.mail.flags import DELETED, FLAGGED, SEEN, Flags
from correo.mailbox import Prepared
from correo.storage.db import Tx
from correo.storage.db.sqlite import Sqlite

MESSAGES, QUICK = 20_000, 300
DELIVERIES, QUICK_DELIVERIES = 5_000, 200
OCTETS = 5_000
CONCURRENCY = 50
clock, chance = SystemClock(), SystemChance()


async def deliver(tx: Tx, mailbox_id: int, prepared: Prepared, id: int, now: int) -> None:
    content_id = await mailbox.store(tx, prepared, id, now)
    await mailbox.append(
        tx, mailbox_id, content_id=content_id, size=prepared.size, flags=Flags(), received=now, now=now
    )


async def fill(tx: Tx, mailbox_id: int, content_ids: list[int], count: int, now: int) -> None:
    for number in range(count):
        content_id = content_ids[number % len(content_ids)]
        await mailbox.append(
            tx, mailbox_id, content_id=content_id, size=5_000, flags=Flags(), received=now, now=now
        )


async def deliveries(db: Sqlite, inboxes: list[int], count: int) -> list[Figure]:
    arrived = [letter.data for letter in letters(count, OCTETS, ["b@example.net"], seed=1)]
    start = time.perf_counter()
    prepared = [mailbox.prepare(one) for one in arrived]
    preparing = time.perf_counter() - start

    async def worker(mine: list[Prepared]) -> None:
        for number, one in enumerate(mine):
            now = clock.now()
            await db.write(deliver, inboxes[number % len(inboxes)], one, chance.id(now), now)

    start = time.perf_counter()
    await asyncio.gather(*(worker(prepared[lane::CONCURRENCY]) for lane in range(CONCURRENCY)))
    took = time.perf_counter() - start
    return [
        Figure("prepare, a message of 5 KB", OURS, preparing / count * 1e3, "ms"),
        Figure(f"store and append, {CONCURRENCY} at a time", OURS, count / took, "messages/s"),
    ]


async def timed(what: str, work: Awaitable[Any]) -> Figure:
    start = time.perf_counter()
    await work
    return Figure(what, OURS, (time.perf_counter() - start) * 1e3, "ms")


async def operations(db: Sqlite, source: int, target: int, count: int) -> list[Figure]:
    everything = [(1, mailbox.MAX_UID)]
    odd = [(uid, uid) for uid in range(1, count, 2)]
    now = clock.now()
    seen, word, gone = Flags(SEEN), Flags(FLAGGED, ("$Label1",)), Flags(DELETED)
    store = mailbox.store_flags
    return [
        await timed("STORE +FLAGS (\\Seen)", db.bulk(store, source, everything, "add", seen, now)),
        await timed("STORE again, nothing to do", db.bulk(store, source, everything, "add", seen, now)),
        await timed("STORE every other, keyword", db.bulk(store, source, odd, "add", word, now)),
        await timed("STORE all, mixed before", db.bulk(store, source, everything, "add", Flags(2), now)),
        await timed("COPY", db.bulk(mailbox.copy, source, everything, target, now)),
        await timed("MOVE", db.bulk(mailbox.move, source, everything, target, now)),
        await timed("STORE \\Deleted, twice as many", db.bulk(store, target, everything, "add", gone, now)),
        await timed("UIDs", db.scan(mailbox.uids, target)),
        await timed("FETCH FLAGS", db.scan(mailbox.fetch_rows, target, everything, {"flags"})),
        await timed("FETCH ENVELOPE", db.scan(mailbox.fetch_rows, target, everything, {"envelope"})),
        await timed("FETCH BODY[HEADER]", db.scan(mailbox.fetch_rows, target, everything, {"header"})),
        await timed("changes of all that", db.scan(mailbox.changes, target, 0)),
        await timed("EXPUNGE odd", db.bulk(mailbox.expunge, target, odd, now)),
        await timed("EXPUNGE the rest", db.bulk(mailbox.expunge, target, None, now)),
        await timed("collect", db.bulk(mailbox.collect, now + 1, 100_000)),
    ]


async def measure(db: Sqlite, count: int, size: int) -> list[Figure]:
    for account in range(1, 21):
        await db.write(mailbox.open_account, account, chance, clock.now())
    inboxes = [box.id for account in range(1, 21) if (box := await db.read(mailbox.inbox, account))]
    figures = await deliveries(db, inboxes, count)
    contents = [one.content_id for box in inboxes for one in await db.scan(mailbox.messages, box)]
    source = await db.write(mailbox.create, 1, "source", chance, clock.now())
    target = await db.write(mailbox.create, 1, "target", chance, clock.now())
    figures.append(
        await timed("append of all in one write", db.bulk(fill, source.id, contents, size, clock.now()))
    )
    return figures + await operations(db, source.id, target.id, size)


def one_round(given: Given, number: int) -> Iterator[Figure]:
    async def opened() -> list[Figure]:
        db = await Sqlite.open(folder / "bench.db", now=clock.now())
        try:
            return await measure(db, given.size(DELIVERIES, QUICK_DELIVERIES), given.size(MESSAGES, QUICK))
        finally:
            await db.close()

    with scratch(given) as folder:
        yield from uvloop.run(opened())


ROW = Row(
    "mailbox_ops",
    f"what the mailbox itself costs, {MESSAGES:,} messages",
    "The functions of `correo.mailbox` with the real database, in this process; no protocol.",
    one_round,
)
