"""What the mailbox store promises about limits, on every engine."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable
from pathlib import Path

import apsw
import pytest

from correo import mailbox
from correo.clock.virtual import SeededChance
from correo.mail.errors import Kind, Refused
from correo.mail.flags import DELETED, Flags
from correo.mailbox import Appended, Mailbox, Quota, Room
from correo.storage.db import Database, Tx
from correo.storage.db.migrate import migrate, migrations
from correo.storage.db.sqlite import Sqlite, SqliteTx, drive

NOW = 1_767_225_600_000_000
ACCOUNT = 7
CHANCE = SeededChance()
ALL = [(1, mailbox.MAX_UID)]


@pytest.fixture(params=["sqlite"])
async def db(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    database = await Sqlite.open(tmp_path / "correo.db", now=NOW, threaded=False)
    await database.write(mailbox.open_account, ACCOUNT, CHANCE, NOW)
    yield database
    await database.close()


async def limit(
    db: Database, *, messages: int | None = None, size: int | None = None, mailboxes: int | None = None
) -> None:
    await db.write(mailbox.set_limits, ACCOUNT, messages=messages, size=size, mailboxes=mailboxes)


async def append(db: Database, name: str, size: int, room: Room = Room.WITHIN, bits: int = 0) -> Appended:
    box = await named(db, name)
    flags = Flags(bits)
    return await db.write(
        mailbox.append, box.id, content_id=1, size=size, flags=flags, received=NOW, now=NOW, room=room
    )


async def named(db: Database, name: str) -> Mailbox:
    found = await db.read(mailbox.find, ACCOUNT, name)
    assert found is not None
    return found


async def usage(db: Database) -> tuple[int, int]:
    """What the account's counters say, which is what its mailboxes say."""

    async def recount(tx: Tx) -> tuple[Quota, list[Mailbox]]:
        return await mailbox.quota(tx, ACCOUNT), await mailbox.list_mailboxes(tx, ACCOUNT)

    quota, boxes = await db.read(recount)
    assert quota.mailboxes == len(boxes)
    assert (quota.messages, quota.size) == (
        sum(box.messages for box in boxes),
        sum(box.size for box in boxes),
    )
    return quota.messages, quota.size


async def over(work: Awaitable[object]) -> None:
    with pytest.raises(Refused) as caught:
        await work
    assert caught.value.kind is Kind.OVER_QUOTA


async def test_counters_follow_every_change(db: Database) -> None:
    for size in (10, 20, 30):
        await append(db, "INBOX", size, bits=DELETED)
    assert await usage(db) == (3, 60)
    inbox, sent = await named(db, "INBOX"), await named(db, "Sent")
    await db.write(mailbox.copy, inbox.id, [(1, 2)], sent.id, NOW)
    assert await usage(db) == (5, 90)
    await db.write(mailbox.move, inbox.id, [(3, 3)], sent.id, NOW)
    assert await usage(db) == (5, 90)
    assert await db.read(mailbox.deleted_size, inbox.id) == 30
    await db.write(mailbox.expunge, inbox.id, None, NOW)
    assert await usage(db) == (3, 60)
    assert await db.read(mailbox.deleted_size, inbox.id) == 0
    await db.write(mailbox.rename, ACCOUNT, "Sent", "x/Sent", CHANCE, NOW)
    await append(db, "INBOX", 5)
    await db.write(mailbox.rename, ACCOUNT, "INBOX", "old", CHANCE, NOW)
    assert await usage(db) == (4, 65)
    await db.write(mailbox.delete, ACCOUNT, "x/Sent", NOW)
    assert await usage(db) == (1, 5)


async def test_limits_are_held_to_the_octet(db: Database) -> None:
    await limit(db, messages=2, size=100)
    await append(db, "INBOX", 60)
    await over(append(db, "INBOX", 41))
    await append(db, "INBOX", 40)
    await over(append(db, "INBOX", 0))
    inbox, sent = await named(db, "INBOX"), await named(db, "Sent")
    await over(db.write(mailbox.copy, inbox.id, ALL, sent.id, NOW))
    await db.write(mailbox.move, inbox.id, ALL, sent.id, NOW)
    assert await usage(db) == (2, 100)
    await limit(db)
    await append(db, "INBOX", 10_000)


async def test_mail_that_comes_is_let_in_while_there_is_any_room(db: Database) -> None:
    await limit(db, size=100)
    await append(db, "INBOX", 99)
    assert not await db.read(mailbox.is_full, ACCOUNT)
    await append(db, "INBOX", 50, Room.BEGUN)
    assert await db.read(mailbox.is_full, ACCOUNT)
    await over(append(db, "INBOX", 1, Room.BEGUN))
    await append(db, "INBOX", 7, Room.ANY)
    assert await usage(db) == (3, 156)
    await limit(db, messages=3)
    assert await db.read(mailbox.is_full, ACCOUNT)
    await over(append(db, "INBOX", 1, Room.BEGUN))
    await limit(db, messages=4)
    await append(db, "INBOX", 1, Room.BEGUN)


async def test_mailboxes_are_counted_with_their_parents(db: Database) -> None:
    await limit(db, mailboxes=8)
    await over(db.write(mailbox.create, ACCOUNT, "a/b/c", CHANCE, NOW))
    await db.write(mailbox.create, ACCOUNT, "a/b", CHANCE, NOW)
    await over(db.write(mailbox.rename, ACCOUNT, "a/b", "c/d", CHANCE, NOW))
    await usage(db)


async def test_an_account_that_is_not(db: Database) -> None:
    for work in (
        db.read(mailbox.quota, 8),
        db.write(mailbox.set_limits, 8, messages=1, size=None, mailboxes=None),
    ):
        with pytest.raises(Refused) as caught:
            await work
        assert caught.value.kind is Kind.NOT_FOUND
    assert not await db.read(mailbox.is_full, 8)


async def test_an_older_database_is_counted_when_it_is_brought_up_to_date() -> None:
    connection = apsw.Connection(":memory:")
    tx = SqliteTx(connection)
    drive(migrate(tx, [step for step in migrations() if step.number < 12], NOW))
    for account, box, messages, size in ((1, 10, 2, 20), (1, 11, 3, 30), (2, 12, 0, 0)):
        drive(tx.run("INSERT INTO mailbox_account VALUES ($1, 0, 0) ON CONFLICT DO NOTHING", account))
        drive(
            tx.run(
                "INSERT INTO mailbox_mailbox VALUES ($1, $2, $3, 1, 9, 0, 0, 1, $4, 0, 0, $5, '', 0)",
                *(box, account, str(box), messages, size),
            )
        )
    drive(tx.run("INSERT INTO mailbox_account VALUES (3, 0, 0)"))
    drive(migrate(tx, migrations(), NOW))
    assert drive(mailbox.quota(tx, 1)) == Quota(5, 50, None, None, None, 2)
    assert drive(mailbox.quota(tx, 2)) == Quota(0, 0, None, None, None, 1)
    assert drive(mailbox.quota(tx, 3)) == Quota(0, 0, None, None, None, 0)
    connection.close()
