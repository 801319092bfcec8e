"""Many people, messages and recipients that wait, put into the database by the server's own functions, many in one transaction."""

from __future__ import annotations

from collections.abc import Sequence

from letters import letters
from servers import DOMAIN

from correo import accounts, mailbox, queue
from correo.clock.system import SystemChance, SystemClock
from correo.mail.flags import SEEN, Flags
from correo.mail.instant import DAY, HOUR
from correo.queue import NewRecipient, QueuedMessage
from correo.storage.db import Tx
from correo.storage.db.sqlite import Sqlite

BATCH = 2_000  # of one transaction
BODIES = 10_000  # different messages of a mailbox; each comes again under other UIDs, as copies do
OCTETS = 2_000  # of one
DOMAINS = 20_000  # for which recipients wait
PER_MESSAGE = 5
clock, chance = SystemClock(), SystemChance()


async def fill_inbox(db: Sqlite, address: str, count: int) -> None:
    """Messages that were read long ago."""
    inbox = await db.read(_inbox, address)
    kept = await _contents(db, min(count, BODIES))
    for first in range(0, count, BATCH):
        some = [kept[at % len(kept)] for at in range(first, min(first + BATCH, count))]
        await db.bulk(_append, inbox, some, clock.now())


async def _inbox(tx: Tx, address: str) -> int:
    account = await accounts.get_account(tx, address)
    assert account is not None
    box = await mailbox.inbox(tx, account.id)
    assert box is not None
    return box.id


async def _contents(db: Sqlite, count: int) -> list[tuple[int, int]]:
    """Ids and sizes of messages, no two alike. The next transaction must point to them before `collect` is due, hours later."""
    kept = []
    for first in range(0, count, BATCH):
        made = letters(min(BATCH, count - first), OCTETS, [f"somebody@{DOMAIN}"], seed=first)
        prepared = [mailbox.prepare(one.data.removesuffix(b".\r\n")) for one in made]
        kept += await db.bulk(_store, prepared, clock.now())
    return kept


async def _store(tx: Tx, prepared: Sequence[mailbox.Prepared], now: int) -> list[tuple[int, int]]:
    return [(await mailbox.store(tx, one, chance.id(now), now), one.size) for one in prepared]


async def _append(tx: Tx, inbox: int, contents: Sequence[tuple[int, int]], now: int) -> None:
    for content_id, size in contents:
        await mailbox.append(
            tx, inbox, content_id=content_id, size=size, flags=Flags(SEEN), received=now, now=now
        )


async def add_waiting(db: Sqlite, recipients: int) -> None:
    """Recipients whose next try is hours from now, of messages with five, to 20,000 domains."""
    now = clock.now()
    for first in range(0, recipients, BATCH):
        await db.bulk(_enqueue, range(first, min(first + BATCH, recipients), PER_MESSAGE), now)


async def _enqueue(tx: Tx, numbers: Sequence[int], now: int) -> None:
    for number in numbers:
        id = chance.id(now)
        message = QueuedMessage(
            id, f"ana@{DOMAIN}", id, 0, OCTETS, "7BIT", False, 0, now, now + 5 * DAY, now + 4 * HOUR
        )
        hosts = ((at, f"d{at * 7919 % DOMAINS}.example") for at in range(number, number + PER_MESSAGE))
        to = [NewRecipient(chance.id(now), f"u{at}@{host}", f"u{at}@{host}", host) for at, host in hosts]
        await queue.enqueue(tx, message, to, now + 10 * HOUR)
