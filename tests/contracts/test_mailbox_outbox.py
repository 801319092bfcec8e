"""What the mailbox store promises about an Outbox, on every engine."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from correo import mailbox
from correo.clock.virtual import SeededChance
from correo.mail.errors import Kind, Refused
from correo.mail.message import resolve, scan, unpack
from correo.mailbox import Mailbox
from correo.mailbox.names import MAX_SUBSCRIPTIONS
from correo.storage.db import Database, Tx
from correo.storage.db.sqlite import Sqlite

NOW = 1_767_225_600_000_000
ACCOUNT = 7
CHANCE = SeededChance()
BODY = b"--b\r\nContent-Type: text/plain\r\n\r\nOne\r\n--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: in\r\n\r\nTwo\r\n--b--\r\n"
HEADER = b"Return-Path: <>\r\nSubject: out\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"


@pytest.fixture(params=["sqlite"])
async def db(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    database = await Sqlite.open(tmp_path / "correo.db", now=NOW, threaded=False)
    await database.write(mailbox.open_account, ACCOUNT, CHANCE, NOW)
    yield database
    await database.close()


async def opened(db: Database, name: str = "Outbox") -> Mailbox:
    await db.write(mailbox.open_outbox, ACCOUNT, name, CHANCE, NOW)
    box = await db.read(mailbox.outbox, ACCOUNT)
    assert box is not None
    return box


async def keep(db: Database, raw: bytes = HEADER + BODY) -> int:
    return await db.write(mailbox.store, mailbox.prepare(raw), CHANCE.id(NOW), NOW)


async def show(db: Database, box: Mailbox, source: int, version: str = "1") -> None:
    content_id = await keep(db)
    await db.write(
        mailbox.show,
        box.id,
        source,
        version,
        content_id=content_id,
        size=len(HEADER + BODY),
        received=NOW,
        now=NOW,
    )


async def test_it_is_opened_once_renamed_and_closed(db: Database) -> None:
    first = await opened(db)
    assert (first.name, mailbox.is_outbox(first.account_id)) == ("Outbox", True)
    assert await opened(db) == first
    renamed = await opened(db, "Mail/Waiting")
    assert (renamed.id, renamed.name, renamed.uidvalidity) == (first.id, "Mail/Waiting", first.uidvalidity)
    await show(db, renamed, 1)
    await db.write(mailbox.open_outbox, ACCOUNT, "", CHANCE, NOW)
    assert await db.read(mailbox.outbox, ACCOUNT) is None
    again = await opened(db)
    assert again.uidvalidity > first.uidvalidity
    assert await db.read(mailbox.shown, again.id) == []


async def test_it_is_subscribed_until_somebody_says_otherwise(db: Database) -> None:
    async def subscribed() -> list[str]:
        return [name for name in await db.read(mailbox.subscriptions, ACCOUNT) if "box" in name]

    await opened(db)
    assert await subscribed() == ["Outbox"]
    await opened(db, "Mail/Outbox")
    assert await subscribed() == ["Mail/Outbox"]
    await db.write(mailbox.unsubscribe, ACCOUNT, "Mail/Outbox", NOW)
    await opened(db)
    assert await subscribed() == []
    await db.write(mailbox.subscribe, ACCOUNT, "Outbox", NOW)
    await db.write(mailbox.open_outbox, ACCOUNT, "", CHANCE, NOW)
    assert await subscribed() == []
    # A mailbox that somebody has made himself is his own business.
    await db.write(mailbox.create, ACCOUNT, "Outbox", CHANCE, NOW)
    await opened(db)
    assert await subscribed() == []
    await db.write(mailbox.subscribe, ACCOUNT, "Outbox", NOW)
    await opened(db, "Waiting")
    assert await subscribed() == ["Outbox"]


async def test_an_account_with_all_its_subscriptions_gets_one_all_the_same(db: Database) -> None:
    have = len(await db.read(mailbox.subscriptions, ACCOUNT))
    await db.write(_subscribe, MAX_SUBSCRIPTIONS - have)
    assert await opened(db)
    assert len(await db.read(mailbox.subscriptions, ACCOUNT)) == MAX_SUBSCRIPTIONS


async def _subscribe(tx: Tx, count: int) -> None:
    await tx.many(
        "INSERT INTO mailbox_subscription (account_id, name) VALUES ($1, $2)",
        [(ACCOUNT, f"list{number}") for number in range(count)],
    )


async def test_who_is_gone_gets_none(db: Database) -> None:
    await db.write(mailbox.remove_account, ACCOUNT, NOW)
    with pytest.raises(Refused) as refused:
        await opened(db)
    assert refused.value.kind is Kind.NOT_FOUND
    assert await db.read(_rows) == 0


async def test_its_name_must_be_one(db: Database) -> None:
    with pytest.raises(Refused) as refused:
        await opened(db, "a*b")
    assert refused.value.kind is Kind.BAD_NAME


async def test_it_stands_beside_the_mailboxes_of_its_account(db: Database) -> None:
    before = await db.read(mailbox.quota, ACCOUNT)
    await db.write(mailbox.set_limits, ACCOUNT, messages=0, size=0, mailboxes=before.mailboxes)
    await show(db, await opened(db), 1)
    after = await db.read(mailbox.quota, ACCOUNT)
    assert (after.messages, after.size, after.mailboxes) == (0, 0, before.mailboxes)
    assert await db.read(mailbox.find, ACCOUNT, "Outbox") is None
    names = [box.name for box in await db.read(mailbox.list_mailboxes, ACCOUNT)]
    assert "Outbox" not in names


async def test_what_is_shown_is_seen_already_and_hidden_for_good(db: Database) -> None:
    box = await opened(db)
    for source in (30, 10, 20):
        await show(db, box, source)
    shown = await db.read(mailbox.shown, box.id, [(1, 2)])
    assert [(one.source, one.uid) for one in shown] == [(30, 1), (10, 2)]
    assert await db.read(mailbox.shown_of, box.id, 20) == mailbox.Shown(20, 3, "1")
    await db.write(mailbox.hide, box.id, [1, 3], NOW)
    await db.write(mailbox.hide, box.id, [], NOW)
    assert await db.read(mailbox.shown_of, box.id, 20) is None
    await show(db, box, 20, "2")
    assert await db.read(mailbox.uids, box.id) == [2, 4]
    now = await opened(db)
    assert (now.messages, now.unseen, now.uidnext) == (2, 0, 5)


async def test_it_goes_with_its_account(db: Database) -> None:
    await show(db, await opened(db), 1)
    await db.write(mailbox.remove_account, ACCOUNT, NOW)
    assert await db.read(mailbox.outbox, ACCOUNT) is None
    assert await db.read(_rows) == 0


async def _rows(tx: Tx) -> int:
    counts = [
        await tx.one(f"SELECT count(*) FROM {table}")
        for table in (
            "mailbox_shown",
            "mailbox_account",
            "mailbox_mailbox",
            "mailbox_message",
            "mailbox_change",
        )
    ]
    return sum(int(row[0]) for row in counts if row)


@pytest.mark.parametrize("front", [b"", b"X-Correo-Queue-Id: 1\r\n", b"X-More: " + b"y" * 9000 + b"\r\n"])
async def test_another_header_and_the_same_body(db: Database, front: bytes) -> None:
    header = front + HEADER.partition(b"\r\n")[2]
    old, new = await keep(db), CHANCE.id(NOW)
    size = await db.write(mailbox.rehead, old, header, new, NOW)
    raw = header + BODY
    assert (size, await db.read(mailbox.raw, new)) == (len(raw), raw)
    kept, was = await db.read(mailbox.content, new), await db.read(mailbox.content, old)
    assert unpack(kept.parts) == scan(raw)
    assert resolve(unpack(kept.parts), (2, 1)) == (raw.index(b"Two"), raw.index(b"Two") + 3)
    afresh = mailbox.prepare(raw).summary
    assert (kept.envelope, kept.bodystructure, kept.header_size) == (
        afresh.envelope,
        afresh.bodystructure,
        afresh.header_size,
    )
    assert (kept.body_id, kept.subject, kept.size) == (was.body_id, "out", afresh.size)


async def test_no_other_header_of_what_is_not_there(db: Database) -> None:
    with pytest.raises(Refused) as refused:
        await db.write(mailbox.rehead, 12345, HEADER, 1, NOW)
    assert refused.value.kind is Kind.NOT_FOUND
