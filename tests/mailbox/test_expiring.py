"""Messages that go to the Trash, and from there when their time is over."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from correo import mailbox
from correo.clock.virtual import START, SeededChance
from correo.mail.flags import Flags
from correo.mailbox import Mailbox
from correo.storage.db import Tx
from correo.storage.db.sqlite import Sqlite

ACCOUNT, LATER = 7, START + 1_000
CHANCE = SeededChance(1)


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[Sqlite]:
    db = await Sqlite.open(tmp_path / "correo.db", now=START, threaded=False)
    await db.write(furnish)
    yield db
    await db.close()


async def furnish(tx: Tx) -> None:
    await mailbox.open_account(tx, ACCOUNT, CHANCE, START)
    inbox = await box(tx, "INBOX")
    for number in range(4):
        prepared = mailbox.prepare(b"Subject: %d\r\n\r\nText\r\n" % number)
        content_id = await mailbox.store(tx, prepared, CHANCE.id(START), START)
        await mailbox.append(
            tx, inbox.id, content_id=content_id, size=prepared.size, flags=Flags(), received=START, now=START
        )


async def box(tx: Tx, name: str) -> Mailbox:
    found = await mailbox.find(tx, ACCOUNT, name)
    assert found is not None
    return found


async def discard(tx: Tx, name: str, low: int, high: int) -> None:
    place = await box(tx, name)
    await mailbox.discard(tx, place.id, ((low, high),), LATER, CHANCE, START)


async def counts(tx: Tx) -> tuple[int, int]:
    return (await box(tx, "INBOX")).messages, (await box(tx, "Trash")).messages


async def test_what_is_discarded_goes_when_its_time_is_over(db: Sqlite) -> None:
    await db.write(discard, "INBOX", 2, 3)
    assert await db.read(counts) == (2, 2)
    assert await db.bulk(mailbox.expire, LATER - 1, 10) == (0, [])
    assert await db.bulk(mailbox.expire, LATER, 1) == (1, [ACCOUNT])
    assert await db.bulk(mailbox.expire, LATER, 10) == (1, [ACCOUNT])
    assert await db.bulk(mailbox.expire, LATER, 10) == (0, [])
    assert await db.read(counts) == (2, 0)


async def test_who_takes_a_message_out_of_the_trash_has_it_back(db: Sqlite) -> None:
    async def rescue(tx: Tx) -> None:
        trash, inbox = await box(tx, "Trash"), await box(tx, "INBOX")
        await mailbox.move(tx, trash.id, ((1, 1),), inbox.id, START)

    await db.write(discard, "INBOX", 1, 2)
    await db.write(rescue)
    assert await db.bulk(mailbox.expire, LATER, 10) == (2, [ACCOUNT])
    assert await db.read(counts) == (3, 0)


async def test_a_trash_that_is_missing_is_made_and_one_that_has_gone_does_no_harm(db: Sqlite) -> None:
    async def delete(tx: Tx) -> None:
        await mailbox.delete(tx, ACCOUNT, "Trash", START)

    await db.write(delete)
    await db.write(discard, "INBOX", 1, 4)
    assert await db.read(counts) == (0, 4)
    assert (await db.read(box, "Trash")).special_use == "\\Trash"
    await db.write(delete)
    assert await db.bulk(mailbox.expire, LATER, 10) == (4, [])
    assert await db.bulk(mailbox.expire, LATER, 10) == (0, [])


async def test_other_messages_in_the_trash_stay(db: Sqlite) -> None:
    async def throw(tx: Tx) -> None:
        trash, inbox = await box(tx, "Trash"), await box(tx, "INBOX")
        await mailbox.move(tx, inbox.id, ((1, 1),), trash.id, START)

    await db.write(throw)
    await db.write(discard, "INBOX", 2, 2)
    await db.bulk(mailbox.expire, LATER, 10)
    assert await db.read(counts) == (2, 1)


async def test_what_is_kept_under_another_name_stays(db: Sqlite) -> None:
    async def by_name_alone(tx: Tx) -> None:
        await mailbox.delete(tx, ACCOUNT, "Trash", START)
        await mailbox.create(tx, ACCOUNT, "Trash", CHANCE, START)

    async def rename(tx: Tx) -> None:
        await mailbox.rename(tx, ACCOUNT, "Trash", "Papers", CHANCE, START)

    await db.write(by_name_alone)
    await db.write(discard, "INBOX", 1, 2)
    await db.write(rename)
    assert await db.bulk(mailbox.expire, LATER, 10) == (2, [])
    assert (await db.read(box, "Papers")).messages == 2


async def test_who_has_no_room_can_discard(db: Sqlite) -> None:
    async def limit(tx: Tx) -> None:
        await mailbox.set_limits(tx, ACCOUNT, messages=1, size=1, mailboxes=1)

    await db.write(limit)
    await db.write(discard, "INBOX", 1, 4)
    assert await db.read(counts) == (0, 4)
    assert (await db.read(mailbox.quota, ACCOUNT)).messages == 4, "what is in the Trash counts"
    await db.bulk(mailbox.expire, LATER, 10)
    assert (await db.read(mailbox.quota, ACCOUNT)).messages == 0
