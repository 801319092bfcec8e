"""What every queue tells an account of its own mail."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from correo import queue
from correo.mail.instant import MINUTE, SECOND
from correo.mail.status import Status
from correo.queue import NewRecipient, QueuedMessage, Selection
from correo.queue.resting import postpone_waiting
from correo.queue.standing import MOST
from correo.storage.db import Database, Tx
from correo.storage.db.sqlite import Sqlite

NOW = 1_767_225_600 * SECOND
ANA, BOB = 7, 8
BUSY = Status(451, "4.7.1", "try again")


@pytest.fixture(params=["sqlite"])
async def db(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    database = await Sqlite.open(tmp_path / "correo.db", now=NOW, threaded=False)
    yield database
    await database.close()


async def put(db: Database, number: int, account: int, count: int = 1) -> None:
    message = QueuedMessage(
        number, "x@y.example", number, 9, 5, "7BIT", False, account, NOW, NOW + 9 * MINUTE, 0
    )
    names = [f"u{at}@there.example" for at in range(count)]
    new = [NewRecipient(number * 100_000 + at, name, name, "there.example") for at, name in enumerate(names)]
    await db.write(queue.enqueue, message, new, NOW)


async def version(db: Database, number: int = 1) -> str:
    (one,) = await db.read(queue.standing, ANA, [number])
    return one.version


async def test_an_account_sees_its_own(db: Database) -> None:
    for number, account in ((1, ANA), (2, BOB), (3, 0), (4, ANA)):
        await put(db, number, account, number)
    assert [(one.id, one.recipients) for one in await db.read(queue.standing, ANA)] == [(1, 1), (4, 4)]
    assert [one.id for one in await db.read(queue.standing, ANA, [2, 3, 4])] == [4]
    assert [one.id for one in await db.read(queue.standing, ANA, list(range(300)))] == [1, 4]
    assert await db.read(queue.standing, ANA, []) == []
    assert await db.read(queue.waiting, ANA) == 5
    # What came from elsewhere is nobody's.
    assert await db.read(queue.standing, 0) == []
    assert await db.read(queue.waiting, 0) == 0


async def test_everything_that_becomes_of_a_recipient_is_another_version(db: Database) -> None:
    await put(db, 1, ANA, 2)
    seen = [await version(db)]
    claimed = await db.write(queue.claim, owner="w", now=NOW, lease_until=NOW + MINUTE, limit=9)
    assert await version(db) == seen[0]  # but for being tried
    assert await db.read(queue.is_under_way, 1)
    later = NOW + 2 * MINUTE
    await db.write(queue.defer, claimed[0], status=BUSY, host="h", next_try=later, warned=False)
    seen.append(await version(db))
    await db.write(queue.take_out, claimed[1])
    seen.append(await version(db))
    assert not await db.read(queue.is_under_way, 1)
    await db.write(
        postpone_waiting, "there.example", NOW, until=later + MINUTE, status=Status(450, "", ""), host=""
    )
    seen.append(await version(db))
    await db.write(queue.hold, Selection(message_id=1))
    seen.append(await version(db))
    await db.write(queue.release, Selection(message_id=1), NOW)
    seen.append(await version(db))
    assert len(set(seen)) == len(seen) == 6
    await db.write(queue.withdraw, Selection(message_id=1))
    assert await db.read(queue.standing, ANA) == []


async def test_of_very_many_recipients_the_sums_are_no_trouble(db: Database) -> None:
    await put(db, 1, ANA, 20_000)
    (one,) = await db.read(queue.standing, ANA)
    assert one.recipients == 20_000


async def test_of_a_program_that_leaves_very_much_the_oldest_is_seen(db: Database) -> None:
    await db.write(_leave, MOST + 5)
    assert await db.read(queue.waiting, ANA) == MOST
    assert [one.id for one in await db.read(queue.standing, ANA)] == list(range(1, MOST + 1))
    assert [one.id for one in await db.read(queue.standing, ANA, [MOST + 2])] == [MOST + 2]


async def _leave(tx: Tx, count: int) -> None:
    for number in range(1, count + 1):
        message = QueuedMessage(number, "", number, 0, 5, "7BIT", False, ANA, NOW, NOW + MINUTE, 0)
        new = NewRecipient(number, "u@there.example", "u@there.example", "there.example")
        await queue.enqueue(tx, message, [new], NOW)
