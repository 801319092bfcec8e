"""What the mailbox costs: deliveries a second, and STORE, COPY, MOVE and EXPUNGE of 20,000 messages.

python bench/mailbox_ops.py [--dir DIRECTORY] [--deliveries 5000] [--messages 20000]
"""

from __future__ import annotations

import argparse
import asyncio
import random
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from correo import mailbox
from correo.clock.system import SystemChance, SystemClock
from correo.mail.flags import DELETED, FLAGGED, SEEN, Flags
from correo.mailbox import Prepared
from correo.storage.db import Tx
from correo.storage.db.sqlite import Sqlite

CONCURRENCY = 50
WORDS = [
    "the",
    "mail",
    "server",
    "keeps",
    "every",
    "message",
    "once",
    "and",
    "tells",
    "each",
    "session",
    "of",
    "it",
]
clock, chance = SystemClock(), SystemChance()


def message(number: int, size: int = 5_000) -> bytes:
    choose = random.Random(number)
    head = (
        f"Return-Path: <sender{number}@example.org>\r\nReceived: from mx.example.org ([192.0.2.1]) by mail.example.net\r\n"
        f"\twith ESMTPS id {number:x}; Mon, 23 Nov 2026 09:53:00 +0000\r\nFrom: A Sender <sender@example.org>\r\n"
        f"To: b@example.net\r\nSubject: message number {number}\r\nDate: Mon, 23 Nov 2026 09:53:00 +0000\r\n"
        f"Message-ID: <{number}.{choose.random()}@example.org>\r\nMIME-Version: 1.0\r\n"
        "Content-Type: text/plain; charset=utf-8\r\n\r\n"
    )
    lines = []
    length = len(head)
    while length < size:
        lines.append(" ".join(choose.choice(WORDS) + str(choose.randrange(99)) for _ in range(10)) + "\r\n")
        length += len(lines[-1])
    return (head + "".join(lines)).encode()


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


async def deliveries(db: Sqlite, inboxes: list[int], count: int) -> None:
    arrived = [message(number) for number in range(count)]
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
    print(f"prepare        {preparing / count * 1e6:8.0f} us   a message of 5 KB")
    print(f"store+append   {count / took:8.0f} /s   {count} of them, concurrency {CONCURRENCY}")
    print(f"  and prepare  {count / (took + preparing):8.0f} /s")


async def timed(what: str, call: Callable[[], Awaitable[Any]]) -> Any:
    start = time.perf_counter()
    result = await call()
    print(f"{what:32}{(time.perf_counter() - start) * 1e3:8.0f} ms")
    return result


async def operations(db: Sqlite, source: int, target: int, count: int) -> None:
    everything = [(1, mailbox.MAX_UID)]
    odd = [(uid, uid) for uid in range(1, count, 2)]
    now = clock.now()
    seen, word, gone = Flags(SEEN), Flags(FLAGGED, ("$Label1",)), Flags(DELETED)
    await timed(
        "STORE +FLAGS (\\Seen)", lambda: db.bulk(mailbox.store_flags, source, everything, "add", seen, now)
    )
    await timed(
        "STORE again, nothing to do",
        lambda: db.bulk(mailbox.store_flags, source, everything, "add", seen, now),
    )
    await timed(
        "STORE every other, keyword", lambda: db.bulk(mailbox.store_flags, source, odd, "add", word, now)
    )
    await timed(
        "STORE all, mixed before",
        lambda: db.bulk(mailbox.store_flags, source, everything, "add", Flags(2), now),
    )
    await timed("COPY", lambda: db.bulk(mailbox.copy, source, everything, target, now))
    await timed("MOVE", lambda: db.bulk(mailbox.move, source, everything, target, now))
    await timed(
        "STORE \\Deleted, twice as many",
        lambda: db.bulk(mailbox.store_flags, target, everything, "add", gone, now),
    )
    await timed("UIDs", lambda: db.scan(mailbox.uids, target))
    await timed("FETCH FLAGS", lambda: db.scan(mailbox.fetch_rows, target, everything, {"flags"}))
    await timed("FETCH ENVELOPE", lambda: db.scan(mailbox.fetch_rows, target, everything, {"envelope"}))
    await timed("FETCH BODY[HEADER]", lambda: db.scan(mailbox.fetch_rows, target, everything, {"header"}))
    await timed("changes of all that", lambda: db.scan(mailbox.changes, target, 0))
    await timed("EXPUNGE odd", lambda: db.bulk(mailbox.expunge, target, odd, now))
    await timed("EXPUNGE the rest", lambda: db.bulk(mailbox.expunge, target, None, now))
    await timed("collect", lambda: db.bulk(mailbox.collect, now + 1, 100_000))


async def main(directory: Path, count: int, size: int) -> None:
    db = await Sqlite.open(directory / "bench.db", now=clock.now())
    try:
        for account in range(1, 21):
            await db.write(mailbox.open_account, account, chance, clock.now())
        inboxes = [box.id for account in range(1, 21) if (box := await db.read(mailbox.inbox, account))]
        await deliveries(db, inboxes, count)
        contents = [one.content_id for box in inboxes for one in await db.scan(mailbox.messages, box)]
        source = await db.write(mailbox.create, 1, "source", chance, clock.now())
        target = await db.write(mailbox.create, 1, "target", chance, clock.now())
        await timed(
            f"append of {size} in one write", lambda: db.bulk(fill, source.id, contents, size, clock.now())
        )
        await operations(db, source.id, target.id, size)
    finally:
        await db.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--dir", type=Path)
    parser.add_argument("--deliveries", type=int, default=5_000)
    parser.add_argument("--messages", type=int, default=20_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.dir) as scratch:
        asyncio.run(main(Path(scratch), options.deliveries, options.messages))
