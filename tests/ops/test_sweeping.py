"""What nobody needs any more goes by itself, and who is listening hears of it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from correo import accounts, mailbox
from correo.clock.virtual import START, SeededChance, VirtualClock, VirtualLoop, run
from correo.mail.errors import Kind, Refused
from correo.mail.flags import Flags
from correo.mail.instant import DAY, HOUR, SECOND
from correo.ops.sweeping import SWEEP, sweep
from correo.storage.bus import account
from correo.storage.bus.local import LocalBus
from correo.storage.db import Tx
from correo.storage.db.sqlite import Sqlite

ACCOUNT = 7


async def furnish(tx: Tx, chance: SeededChance) -> None:
    """A message that goes to the Trash for a day, and another that stays in the inbox."""
    await mailbox.open_account(tx, ACCOUNT, chance, START)
    inbox = await mailbox.inbox(tx, ACCOUNT)
    assert inbox is not None
    content_id = await mailbox.store(tx, mailbox.prepare(b"Subject: x\r\n\r\n"), chance.id(START), START)
    for _ in range(2):
        await mailbox.append(
            tx, inbox.id, content_id=content_id, size=14, flags=Flags(), received=START, now=START
        )
    await mailbox.discard(tx, inbox.id, ((1, 1),), START + DAY, chance, START)
    await accounts.count_sent(tx, ACCOUNT, 1, accounts.SendLimits(), START)


async def left(tx: Tx) -> list[int]:
    """Messages in the inbox and the Trash, and hours in which something was sent."""
    counts = [
        box.messages for box in await mailbox.list_mailboxes(tx, ACCOUNT) if box.name in ("INBOX", "Trash")
    ]
    return [*counts, len(await tx.all("SELECT 1 FROM accounts_sent"))]


async def play(folder: Path) -> None:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    clock, bus, heard = VirtualClock(loop), LocalBus(), []
    db = await Sqlite.open(folder / "correo.db", now=START, threaded=False)
    await db.write(furnish, SeededChance(1))
    stop = bus.subscribe(account(ACCOUNT), lambda: heard.append(clock.now()))
    duty = asyncio.create_task(sweep(db, bus, clock, lambda: 0))
    await asyncio.sleep(DAY / SECOND - 1)
    assert await db.read(left) == [1, 1, 1]
    await asyncio.sleep(SWEEP + 1)
    assert await db.read(left) == [1, 0, 1]
    assert len(heard) == 1
    await asyncio.sleep(2 * HOUR / SECOND)
    assert await db.read(left) == [1, 0, 0]
    duty.cancel()
    stop()
    await db.close()


def test_messages_leave_the_trash_and_counts_are_forgotten(tmp_path: Path) -> None:
    run(play(tmp_path))


class Full:
    """A database whose disk is full for a while."""

    def __init__(self, db: Sqlite) -> None:
        self.db = db
        self.full = True
        self.tried = 0

    async def bulk(self, *args: Any, **kwargs: Any) -> Any:
        self.tried += 1
        if self.full:
            raise Refused(Kind.UNAVAILABLE, "no space left")
        return await self.db.bulk(*args, **kwargs)


async def fill_up(folder: Path) -> None:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    db = await Sqlite.open(folder / "correo.db", now=START, threaded=False)
    await db.write(furnish, SeededChance(1))
    disk = Full(db)
    duty = asyncio.create_task(sweep(disk, LocalBus(), VirtualClock(loop), lambda: DAY))  # type: ignore[arg-type]
    await asyncio.sleep(DAY / SECOND)
    assert not duty.done()
    assert disk.tried > 100
    disk.full = False
    await asyncio.sleep(2 * SWEEP)
    assert await db.read(left) == [1, 0, 1]
    duty.cancel()
    await db.close()


def test_a_full_disk_ends_no_duty(tmp_path: Path) -> None:
    run(fill_up(tmp_path))
