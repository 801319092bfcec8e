"""What the mailbox store promises about the octets of messages, on every engine."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable
from pathlib import Path

import pytest

from correo import mailbox, queue
from correo.clock.virtual import SeededChance
from correo.mail.errors import Kind, Refused
from correo.mail.flags import DELETED, FLAGGED, Flags
from correo.mailbox import Collected, Mailbox
from correo.mailbox.contents import BATCH
from correo.storage.db import Database, Row, Tx
from correo.storage.db.sqlite import Sqlite

NOW = 1_767_225_600_000_000
ACCOUNT = 7
ALL = [(1, mailbox.MAX_UID)]

HEADER = b"Subject: =?utf-8?q?caf=C3=A9?=\r\nMessage-ID: <1@example.org>\r\nDate: Thu, 1 Jan 2026 01:00:00 +0100\r\n\r\n"
QUEUED = queue.QueuedMessage(
    id=8,
    sender="",
    content_id=2,
    skip=0,
    size=1,
    body="7BIT",
    utf8=False,
    account_id=0,
    created=NOW,
    expires=NOW,
    warn_at=0,
)
BODY = b"".join(b"line %d of the body, much like the one before it\r\n" % number for number in range(200))


@pytest.fixture(params=["sqlite"])
async def db(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    database = await Sqlite.open(tmp_path / "correo.db", now=NOW, threaded=False)
    await database.write(mailbox.open_account, ACCOUNT, SeededChance(), NOW)
    yield database
    await database.close()


async def sql(tx: Tx, statement: str, *params: object) -> list[Row]:
    return await tx.all(statement, *params)


async def bodies(db: Database) -> int:
    return int((await db.read(sql, "SELECT COUNT(*) FROM mailbox_body"))[0][0])


async def inbox(db: Database) -> Mailbox:
    found = await db.read(mailbox.inbox, ACCOUNT)
    assert found is not None
    return found


async def deliver(db: Database, raw: bytes, id: int) -> None:
    async def op(tx: Tx) -> None:
        content_id = await mailbox.store(tx, prepared, id, NOW)
        await mailbox.append(
            tx, box.id, content_id=content_id, size=prepared.size, flags=Flags(), received=NOW, now=NOW
        )

    box, prepared = await inbox(db), mailbox.prepare(raw)
    await db.write(op)


async def refusal(work: Awaitable[object]) -> Kind:
    with pytest.raises(Refused) as caught:
        await work
    return caught.value.kind


@pytest.mark.parametrize(
    "raw",
    [
        HEADER + BODY,
        HEADER,
        b"",
        b"\r\n",
        b"\r\nx",
        b"no header at all",
        b"A: b\n\n\x00\xff" * 3,
        bytes(range(256)) * 9,
    ],
    ids=["text", "header only", "empty", "empty line", "no header", "garbage", "binary", "octets"],
)
async def test_what_comes_out_is_what_went_in(db: Database, raw: bytes) -> None:
    prepared = mailbox.prepare(raw)
    assert prepared.size == len(raw) == prepared.summary.size
    assert await db.write(mailbox.store, prepared, 5, NOW) == 5
    assert await db.read(mailbox.raw, 5) == raw
    assert await db.read(mailbox.header, 5) == raw[: prepared.summary.header_size]
    assert await db.read(mailbox.raw_many, [5, 6]) == {5: raw}


async def test_what_clients_ask_for_is_kept_beside_it(db: Database) -> None:
    prepared = mailbox.prepare(HEADER + BODY)
    await db.write(mailbox.store, prepared, 5, NOW)
    kept = await db.read(mailbox.content, 5)
    summary = prepared.summary
    assert (kept.size, kept.header_size) == (len(HEADER + BODY), len(HEADER))
    assert (kept.envelope, kept.bodystructure, kept.parts) == (
        summary.envelope,
        summary.bodystructure,
        summary.parts,
    )
    assert (kept.message_id, kept.subject) == ("<1@example.org>", "caf\u00e9")
    assert (kept.sent, kept.sent_zone) == (1_767_225_600_000_000, 60)


async def test_content_that_is_not_there(db: Database) -> None:
    for read in (mailbox.raw, mailbox.header, mailbox.content):
        assert await refusal(db.read(read, 1)) is Kind.NOT_FOUND


async def test_equal_bodies_are_kept_once(db: Database) -> None:
    await deliver(db, HEADER + BODY, 1)
    await deliver(db, b"Subject: another\r\n\r\n" + BODY, 2)
    await deliver(db, HEADER + BODY + b"more", 3)
    assert await bodies(db) == 2
    assert await db.read(mailbox.raw, 2) == b"Subject: another\r\n\r\n" + BODY
    first, second = await db.read(mailbox.content, 1), await db.read(mailbox.content, 2)
    assert first.body_id == second.body_id


async def test_collect_frees_what_nobody_points_to(db: Database) -> None:
    await deliver(db, HEADER + BODY, 1)
    await deliver(db, b"Subject: another\r\n\r\n" + BODY, 2)
    await deliver(db, HEADER + b"single", 3)
    box = await inbox(db)
    await db.write(mailbox.expunge, box.id, [(1, 1), (3, 3)], NOW, only_deleted=False)
    assert await db.write(mailbox.collect, NOW, 10) == Collected(0, 0)
    assert await db.read(mailbox.raw, 1) == HEADER + BODY
    assert await db.write(mailbox.collect, NOW + 1, 10) == Collected(2, 2)
    assert await refusal(db.read(mailbox.raw, 1)) is Kind.NOT_FOUND
    assert await db.read(mailbox.raw, 2) == b"Subject: another\r\n\r\n" + BODY
    assert await bodies(db) == 1
    await db.write(mailbox.remove_account, ACCOUNT, NOW)
    assert await db.write(mailbox.collect, NOW + 1, 10) == Collected(1, 1)
    assert await bodies(db) == 0


async def test_collect_keeps_what_a_message_or_the_queue_points_to(db: Database) -> None:
    await deliver(db, HEADER + b"copied", 1)
    await deliver(db, HEADER + b"queued", 2)
    recipient = queue.NewRecipient(9, "a@example.org", "a@example.org", "example.org")
    await db.write(queue.enqueue, QUEUED, [recipient], NOW)
    box = await inbox(db)
    trash = await db.read(mailbox.find, ACCOUNT, "Trash")
    assert trash is not None
    await db.write(mailbox.copy, box.id, [(1, 1)], trash.id, NOW)
    await db.write(mailbox.expunge, box.id, None, NOW, only_deleted=False)
    assert await db.write(mailbox.collect, NOW + 1, 10) == Collected(2, 0)
    assert await db.read(mailbox.raw, 1) == HEADER + b"copied"
    await db.write(mailbox.delete, ACCOUNT, "Trash", NOW)
    await db.write(sql, "DELETE FROM queue_recipient")
    await db.write(sql, "DELETE FROM queue_message")
    await db.write(mailbox.orphan, 2, NOW)
    assert await db.write(mailbox.collect, NOW + 1, 1) == Collected(1, 1)
    assert await db.write(mailbox.collect, NOW + 1, 1) == Collected(1, 1)
    assert await db.write(mailbox.collect, NOW + 1, 1) == Collected(0, 0)
    assert await bodies(db) == 0


async def test_the_wait_begins_with_the_last_pointer(db: Database) -> None:
    await deliver(db, HEADER, 1)
    box = await inbox(db)
    await db.write(mailbox.copy, box.id, ALL, box.id, NOW)
    await db.write(mailbox.expunge, box.id, [(1, 1)], NOW, only_deleted=False)
    await db.write(mailbox.expunge, box.id, [(2, 2)], NOW + 10, only_deleted=False)
    assert await db.write(mailbox.collect, NOW + 10, 10) == Collected(0, 0)
    await db.write(mailbox.orphan, 1, NOW + 20)
    assert await db.write(mailbox.collect, NOW + 20, 10) == Collected(0, 0)
    assert await db.write(mailbox.collect, NOW + 21, 10) == Collected(1, 1)


async def test_a_moved_message_is_no_orphan(db: Database) -> None:
    await deliver(db, HEADER, 1)
    trash = await db.read(mailbox.find, ACCOUNT, "Trash")
    assert trash is not None
    await db.write(mailbox.move, (await inbox(db)).id, ALL, trash.id, NOW)
    assert await db.write(mailbox.collect, NOW + 1, 10) == Collected(0, 0)


@pytest.mark.parametrize("damage", ["x'28b52ffd00'", "x'00'", "substr(data, 1, length(data) - 5)"])
async def test_damage_is_an_error_of_ours(db: Database, damage: str) -> None:
    await deliver(db, HEADER + BODY, 1)
    await db.write(sql, f"UPDATE mailbox_body SET data = {damage}")
    assert await refusal(db.read(mailbox.raw, 1)) is Kind.BROKEN
    await deliver(db, HEADER, 2)
    assert await db.read(mailbox.raw_many, [1, 2]) == {2: HEADER}
    assert await db.read(mailbox.bodies, [1, 2, 3]) == {2: b""}
    assert await db.read(mailbox.header, 1) == HEADER


async def test_raw_many_takes_any_number(db: Database) -> None:
    count = BATCH + 3
    for number in range(1, count + 1):
        await db.write(mailbox.store, mailbox.prepare(b"\r\n" + b"%04d" % number * 10), number, NOW)
    found = await db.read(mailbox.raw_many, range(count, 0, -1))
    assert found == {number: b"\r\n" + b"%04d" % number * 10 for number in range(1, count + 1)}
    assert await db.read(mailbox.raw_many, []) == {}
    assert await db.read(mailbox.bodies, range(1, count + 1)) == {id: raw[2:] for id, raw in found.items()}


async def test_fetch_joins_only_what_is_wanted(db: Database) -> None:
    await deliver(db, HEADER + BODY, 1)
    await deliver(db, b"Subject: two\r\n\r\nshort", 2)
    box = await inbox(db)
    await db.write(mailbox.store_flags, box.id, [(2, 2)], "add", Flags(FLAGGED | DELETED, ("Work",)), NOW)
    plain = await db.read(mailbox.fetch_rows, box.id, ALL, frozenset({"flags"}))
    messages = await db.read(mailbox.messages, box.id)
    assert [(row.uid, row.content_id, row.flags, row.keywords, row.modseq, row.size) for row in plain] == [
        (one.uid, one.content_id, one.flags, one.keywords, one.modseq, one.size) for one in messages
    ]
    assert set(tuple[object, ...](plain[0])[9:]) == {None}
    one = (await db.read(mailbox.fetch_rows, box.id, [(1, 1)], {"envelope", "subject"}))[0]
    kept = await db.read(mailbox.content, 1)
    assert (one.envelope, one.subject, one.sent) == (kept.envelope, kept.subject, kept.sent)
    assert set(tuple[object, ...](one)[16:]) == {None}
    full = await db.read(mailbox.fetch_rows, box.id, [(1, 1), (2, 5)], mailbox.COLUMNS)
    assert [row.header for row in full] == [HEADER, b"Subject: two\r\n\r\n"]
    assert full[0].bodystructure == kept.bodystructure
    assert full[0].parts == kept.parts
    with pytest.raises(ValueError, match="no such columns"):
        await db.read(mailbox.fetch_rows, box.id, ALL, {"flags; --"})


async def test_what_stays_between_what_goes_keeps_its_content(db: Database) -> None:
    for number in range(1, 10):
        await deliver(db, b"\r\n%d" % number, number)
    box = await inbox(db)
    odd = [(uid, uid) for uid in range(1, 10, 2)]
    await db.write(mailbox.store_flags, box.id, odd, "add", Flags(DELETED), NOW)
    assert (await db.write(mailbox.expunge, box.id, [(1, 6)], NOW)).uids == [1, 3, 5]
    assert await db.read(mailbox.uids, box.id) == [2, 4, 6, 7, 8, 9]
    assert await db.write(mailbox.collect, NOW + 1, 10) == Collected(3, 3)
    assert (await db.write(mailbox.expunge, box.id, ALL, NOW, only_deleted=False)).uids == [2, 4, 6, 7, 8, 9]
    assert await db.write(mailbox.collect, NOW + 1, 10) == Collected(6, 6)
