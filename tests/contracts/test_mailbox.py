"""What the mailbox store promises about messages, on every engine."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Iterable
from dataclasses import dataclass
from pathlib import Path

import pytest

from correo import mailbox
from correo.clock.virtual import SeededChance
from correo.mail.errors import Kind, Refused
from correo.mail.flags import ANSWERED, DELETED, FLAGGED, MAX_KEYWORDS, SEEN, Flags
from correo.mailbox import Appended, Changes, Mailbox
from correo.mailbox.reading import SPANS
from correo.storage.db import Database, Row, Tx
from correo.storage.db.sqlite import Sqlite

NOW = 1_767_225_600_000_000
LATER = NOW + 60_000_000
ACCOUNT = 7
ALL = [(1, mailbox.MAX_UID)]

CHANCE = SeededChance()
NONE = Flags()

Line = tuple[int, int, str]


@pytest.fixture(params=["sqlite"])
async def db(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    database = await Sqlite.open(tmp_path / "correo.db", now=NOW, threaded=False)
    await database.write(mailbox.open_account, ACCOUNT, CHANCE, NOW)
    yield database
    await database.close()


async def named(db: Database, name: str) -> Mailbox:
    found = await db.read(mailbox.find, ACCOUNT, name)
    assert found is not None
    return found


async def append(db: Database, name: str, flags: Flags = NONE, content: int = 1, size: int = 100) -> Appended:
    box = await named(db, name)
    return await db.write(
        mailbox.append,
        box.id,
        content_id=content,
        size=size,
        flags=flags,
        received=NOW,
        received_zone=60,
        now=NOW,
    )


async def fill(db: Database, name: str, count: int) -> Mailbox:
    for number in range(count):
        await append(db, name, content=1000 + number)
    return await named(db, name)


async def lines(db: Database, box: Mailbox) -> list[Line]:
    return [(one.uid, one.flags, one.keywords) for one in await db.read(mailbox.messages, box.id)]


async def refusal(work: Awaitable[object]) -> Kind:
    with pytest.raises(Refused) as caught:
        await work
    return caught.value.kind


async def test_appended_messages_get_rising_uids_and_are_counted(db: Database) -> None:
    first = await append(db, "INBOX", Flags(), size=10)
    second = await append(db, "INBOX", Flags(SEEN | DELETED, ("$Junk",)), content=2, size=20)
    inbox = await named(db, "INBOX")
    assert (first.uid, second.uid) == (1, 2)
    assert first.uidvalidity == second.uidvalidity == inbox.uidvalidity
    assert second.modseq > first.modseq
    counters = (inbox.uidnext, inbox.modseq, inbox.messages, inbox.unseen, inbox.deleted, inbox.size)
    assert counters == (3, second.modseq, 2, 1, 1, 30)
    assert await db.read(mailbox.uids, inbox.id) == [1, 2]
    message = (await db.read(mailbox.messages, inbox.id, [(2, 2)]))[0]
    assert message == mailbox.Message(2, 2, SEEN | DELETED, "$Junk", second.modseq, NOW, 60, NOW, 20)


async def test_a_mailbox_that_has_gone_is_not_found(db: Database) -> None:
    work = [
        db.write(mailbox.append, 99, content_id=1, size=1, flags=Flags(), received=NOW, now=NOW),
        db.write(mailbox.store_flags, 99, ALL, "add", Flags(SEEN), NOW),
        db.write(mailbox.expunge, 99, None, NOW),
        db.write(mailbox.take_recent, 99),
        db.write(mailbox.copy, 99, ALL, (await named(db, "Sent")).id, NOW),
        db.write(mailbox.move, (await named(db, "Sent")).id, ALL, 99, NOW),
    ]
    assert [await refusal(one) for one in work] == [Kind.NOT_FOUND] * len(work)
    assert await db.read(mailbox.get, 99) is None
    assert await db.read(mailbox.uids, 99) == []
    assert await db.read(mailbox.changes, 99, 0) == Changes(exists=False)


async def test_messages_are_recent_once(db: Database) -> None:
    inbox = await fill(db, "INBOX", 2)
    assert await db.write(mailbox.take_recent, inbox.id) == 1
    assert await db.write(mailbox.take_recent, inbox.id) == 3
    await append(db, "INBOX")
    assert await db.write(mailbox.take_recent, inbox.id) == 3
    assert (await named(db, "INBOX")).recent == 4


async def test_flags_are_added_removed_and_replaced(db: Database) -> None:
    inbox = await fill(db, "INBOX", 3)
    stored = await db.write(
        mailbox.store_flags, inbox.id, [(1, 2)], "add", Flags(SEEN, ("$Later", "Work")), NOW
    )
    assert stored.changed == [(1, SEEN, "$Later Work"), (2, SEEN, "$Later Work")]
    await db.write(mailbox.store_flags, inbox.id, [(2, 3)], "remove", Flags(SEEN, ("work",)), NOW)
    await db.write(mailbox.store_flags, inbox.id, [(3, 9)], "replace", Flags(DELETED | FLAGGED), NOW)
    assert await lines(db, inbox) == [(1, SEEN, "$Later Work"), (2, 0, "$Later"), (3, DELETED | FLAGGED, "")]
    after = await named(db, "INBOX")
    assert (after.messages, after.unseen, after.deleted) == (3, 2, 1)


async def test_one_store_is_one_modseq_and_one_that_changes_nothing_is_none(db: Database) -> None:
    inbox = await fill(db, "INBOX", 5)
    stored = await db.write(mailbox.store_flags, inbox.id, ALL, "add", Flags(SEEN), NOW)
    assert stored.modseq == inbox.modseq + 1 == (await named(db, "INBOX")).modseq
    assert {one.modseq for one in await db.read(mailbox.messages, inbox.id)} == {stored.modseq}
    again = await db.write(mailbox.store_flags, inbox.id, ALL, "replace", Flags(SEEN), NOW)
    assert (again.modseq, again.changed) == (stored.modseq, [])
    assert (await append(db, "Sent")).modseq == stored.modseq + 1


async def test_store_leaves_alone_what_changed_since(db: Database) -> None:
    inbox = await fill(db, "INBOX", 3)
    other = await db.write(mailbox.store_flags, inbox.id, [(2, 2)], "add", Flags(ANSWERED), NOW)
    stored = await db.write(
        mailbox.store_flags, inbox.id, ALL, "add", Flags(SEEN), NOW, unchanged_since=other.modseq - 1
    )
    assert stored.modified == [2]
    assert await lines(db, inbox) == [(1, SEEN, ""), (2, ANSWERED, ""), (3, SEEN, "")]


async def test_keywords_keep_their_first_spelling_and_have_a_limit(db: Database) -> None:
    inbox = await fill(db, "INBOX", 1)
    await db.write(mailbox.store_flags, inbox.id, ALL, "add", Flags(0, ("Work",)), NOW)
    for how in ("add", "replace"):
        stored = await db.write(mailbox.store_flags, inbox.id, ALL, how, Flags(0, ("WORK",)), NOW)
        assert stored.changed == []
    many = Flags.of(f"k{number:02}" for number in range(MAX_KEYWORDS))
    assert await refusal(db.write(mailbox.store_flags, inbox.id, ALL, "add", many, NOW)) is Kind.TOO_MANY
    assert await lines(db, inbox) == [(1, 0, "Work")]
    await db.write(mailbox.store_flags, inbox.id, ALL, "replace", many, NOW)
    more = Flags.of((*many.keywords, "one-more"))
    assert await refusal(append(db, "INBOX", more)) is Kind.TOO_MANY


async def test_copies_keep_flags_and_order_and_get_new_uids(db: Database) -> None:
    inbox = await fill(db, "INBOX", 6)
    await append(db, "Archive")
    await db.write(mailbox.store_flags, inbox.id, [(5, 5)], "add", Flags(SEEN | DELETED, ("Work",)), NOW)
    archive = await named(db, "Archive")
    copied = await db.write(mailbox.copy, inbox.id, [(2, 2), (4, 5), (9, 30)], archive.id, LATER)
    assert (copied.uidvalidity, copied.pairs) == (archive.uidvalidity, [(2, 2), (4, 3), (5, 4)])
    assert await lines(db, archive) == [(1, 0, ""), (2, 0, ""), (3, 0, ""), (4, SEEN | DELETED, "Work")]
    last = (await db.read(mailbox.messages, archive.id))[-1]
    assert (last.content_id, last.received, last.saved, last.modseq) == (1004, NOW, LATER, copied.modseq)
    after = await named(db, "Archive")
    assert (after.messages, after.unseen, after.deleted, after.size) == (4, 3, 1, 400)
    assert (await named(db, "INBOX")).messages == 6


async def test_a_copy_of_nothing_changes_nothing(db: Database) -> None:
    inbox, sent = await named(db, "INBOX"), await named(db, "Sent")
    copied = await db.write(mailbox.copy, inbox.id, ALL, sent.id, NOW)
    assert (copied.pairs, copied.modseq, copied.uidvalidity) == ([], sent.modseq, sent.uidvalidity)
    assert await named(db, "Sent") == sent


async def test_a_mailbox_can_be_copied_and_moved_into_itself(db: Database) -> None:
    inbox = await fill(db, "INBOX", 3)
    copied = await db.write(mailbox.copy, inbox.id, [(1, 1), (3, mailbox.MAX_UID)], inbox.id, NOW)
    assert copied.pairs == [(1, 4), (3, 5)]
    moved = await db.write(mailbox.move, inbox.id, ALL, inbox.id, NOW)
    assert moved.pairs == [(1, 6), (2, 7), (3, 8), (4, 9), (5, 10)]
    after = await named(db, "INBOX")
    assert (after.messages, after.uidnext, after.size) == (5, 11, 500)
    assert await db.read(mailbox.uids, inbox.id) == [6, 7, 8, 9, 10]


async def test_a_move_is_one_change_of_both_mailboxes(db: Database) -> None:
    inbox = await fill(db, "INBOX", 4)
    trash = await named(db, "Trash")
    moved = await db.write(mailbox.move, inbox.id, [(1, 1), (3, 4)], trash.id, NOW)
    assert moved.pairs == [(1, 1), (3, 2), (4, 3)]
    assert (await named(db, "INBOX")).modseq == (await named(db, "Trash")).modseq == inbox.modseq + 1
    assert await db.read(mailbox.uids, inbox.id) == [2]
    assert (await db.read(mailbox.changes, inbox.id, inbox.modseq)).expunged == ((1, 1), (3, 4))
    assert (await db.read(mailbox.changes, trash.id, trash.modseq)).appended == (1, 2, 3)


async def test_expunge_takes_what_is_deleted_and_in_the_ranges(db: Database) -> None:
    inbox = await fill(db, "INBOX", 6)
    assert (await db.write(mailbox.expunge, inbox.id, None, NOW)).uids == []
    await db.write(mailbox.store_flags, inbox.id, [(2, 4), (6, 6)], "add", Flags(DELETED), NOW)
    expunged = await db.write(mailbox.expunge, inbox.id, [(1, 2), (4, 5)], NOW)
    assert expunged.uids == [2, 4]
    assert (await db.write(mailbox.expunge, inbox.id, [(1, 1)], NOW)).uids == []
    assert (await db.write(mailbox.expunge, inbox.id, None, NOW)).uids == [3, 6]
    assert (await db.write(mailbox.expunge, inbox.id, [(5, 9)], NOW, only_deleted=False)).uids == [5]
    after = await named(db, "INBOX")
    assert (after.messages, after.unseen, after.deleted, after.size, after.uidnext) == (1, 1, 0, 100, 7)


async def test_changes_tell_what_others_did(db: Database) -> None:
    inbox = await fill(db, "INBOX", 5)
    since = inbox.modseq
    assert await db.read(mailbox.changes, inbox.id, since) == Changes(True, since, 6)
    await db.write(mailbox.store_flags, inbox.id, [(1, 3)], "add", Flags(DELETED), NOW)
    await db.write(mailbox.expunge, inbox.id, [(2, 2)], NOW)
    await append(db, "INBOX")
    await append(db, "INBOX")
    await db.write(mailbox.store_flags, inbox.id, [(6, 7)], "add", Flags(SEEN), NOW)
    await db.write(mailbox.expunge, inbox.id, [(7, 7)], NOW, only_deleted=False)
    await append(db, "Sent")
    seen = await db.read(mailbox.changes, inbox.id, since)
    modseq = (await named(db, "INBOX")).modseq
    assert seen == Changes(True, modseq, 8, (6,), (1, 3), ((2, 2), (7, 7)))
    assert await db.read(mailbox.changes, inbox.id, seen.modseq) == Changes(True, modseq, 8)


async def test_any_number_of_ranges_reads_in_order(db: Database) -> None:
    count = 2 * SPANS + 30
    inbox = await fill(db, "INBOX", 2 * count)
    odd = [(uid, uid) for uid in range(1, 2 * count, 2)]
    found = await db.read(mailbox.messages, inbox.id, odd)
    assert [one.uid for one in found] == list(range(1, 2 * count, 2))
    stored = await db.write(mailbox.store_flags, inbox.id, odd, "add", Flags(SEEN), NOW)
    assert len(stored.changed) == count == 2 * count - (await named(db, "INBOX")).unseen
    assert await db.read(mailbox.messages, inbox.id, []) == []


async def test_a_refusal_leaves_no_trace(db: Database) -> None:
    inbox = await fill(db, "INBOX", 2)
    work = db.write(mailbox.move, inbox.id, ALL, 99, NOW)
    assert await refusal(work) is Kind.NOT_FOUND
    assert await named(db, "INBOX") == inbox
    assert await db.read(mailbox.changes, inbox.id, inbox.modseq) == Changes(True, inbox.modseq, 3)


async def test_removing_an_account_leaves_nothing_of_it(db: Database) -> None:
    inbox = await fill(db, "INBOX", 2)
    await db.write(mailbox.remove_account, ACCOUNT, NOW)
    assert await db.read(mailbox.list_mailboxes, ACCOUNT) == []
    assert await db.read(mailbox.subscriptions, ACCOUNT) == []
    assert await db.read(mailbox.uids, inbox.id) == []
    assert await refusal(db.write(mailbox.create, ACCOUNT, "x", CHANCE, NOW)) is Kind.NOT_FOUND
    assert await refusal(db.write(mailbox.subscribe, ACCOUNT, "x", NOW)) is Kind.NOT_FOUND
    await db.write(mailbox.open_account, ACCOUNT, CHANCE, LATER)
    assert (await named(db, "INBOX")).uidvalidity > inbox.uidvalidity


async def test_what_the_log_has_forgotten_the_messages_still_tell(db: Database) -> None:
    for _ in range(4):
        await append(db, "INBOX")
    box = await named(db, "INBOX")
    await db.write(mailbox.store_flags, box.id, [(2, 3)], "add", Flags(DELETED), NOW)
    await db.write(mailbox.expunge, box.id, [(3, 3)], NOW)
    before = await db.read(mailbox.changes, box.id, 0)
    seen = (await named(db, "INBOX")).modseq
    await db.write(mailbox.store_flags, box.id, [(1, 1)], "add", Flags(SEEN), LATER)
    after = 0
    while after := await db.write(mailbox.forget, after, LATER):
        pass
    assert before.appended == (1, 2, 4)
    long_ago = await db.read(mailbox.changes, box.id, 0)
    assert (long_ago.appended, long_ago.flagged, long_ago.expunged) == ((), (1, 2, 4), ((3, 3),))
    assert long_ago.uidnext == 5
    lately = await db.read(mailbox.changes, box.id, seen)
    assert (lately.appended, lately.flagged, lately.expunged) == ((), (1,), ())


async def test_nothing_is_forgotten_before_its_time(db: Database) -> None:
    await append(db, "INBOX")
    box = await named(db, "INBOX")
    before = await db.read(mailbox.changes, box.id, 0)
    assert await db.write(mailbox.forget, 0, NOW) == max(
        one.id for one in await db.read(mailbox.list_mailboxes, ACCOUNT)
    )
    assert await db.read(mailbox.changes, box.id, 0) == before
    assert before.appended == (1,)


@dataclass
class Counting:
    """A transaction that counts the rows it reads."""

    tx: Tx
    rows: int = 0

    async def all(self, sql: str, *params: object) -> list[Row]:
        found = await self.tx.all(sql, *params)
        self.rows += len(found)
        return found

    async def one(self, sql: str, *params: object) -> Row | None:
        self.rows += 1
        return await self.tx.one(sql, *params)

    async def run(self, sql: str, *params: object) -> int:
        return await self.tx.run(sql, *params)

    async def many(self, sql: str, rows: Iterable[Row]) -> None:
        await self.tx.many(sql, rows)


async def test_a_log_in_which_nothing_is_old_is_not_read(db: Database) -> None:
    """Hour after hour, of every mailbox, it would be thousands of rows."""
    for _ in range(50):
        await append(db, "INBOX")

    async def rows_read(tx: Tx) -> int:
        counting = Counting(tx)
        await mailbox.forget(counting, 0, NOW)
        return counting.rows

    mailboxes = len(await db.read(mailbox.list_mailboxes, ACCOUNT))
    assert await db.write(rows_read) <= 2 * mailboxes < 50


async def test_the_log_of_a_deleted_mailbox_goes_with_it(db: Database) -> None:
    await db.write(mailbox.create, ACCOUNT, "brief", CHANCE, NOW)
    await append(db, "brief")
    gone = await db.write(mailbox.delete, ACCOUNT, "brief", NOW)

    async def kinds(tx: Tx) -> list[str]:
        rows = await tx.all("SELECT kind FROM mailbox_change WHERE mailbox_id = $1", gone.id)
        return [row[0] for row in rows]

    assert await db.read(kinds) == ["delete"]


async def test_what_has_not_changed_is_not_read_again(db: Database) -> None:
    box = await fill(db, "INBOX", 9)
    names = ("uid", "flags")

    async def asked(low: int, high: int, since: int, messages: int) -> tuple[int, list[int] | None]:
        modseq, rows = await db.read(mailbox.fetch_changed, box.id, (low, high), names, since, messages)
        return modseq, None if rows is None else [row[0] for row in rows]

    first, rows = await asked(1, 4, -1, 4)
    assert rows == [1, 2, 3, 4]
    assert await asked(1, 4, first, 4) == (first, None)
    await db.write(mailbox.store_flags, box.id, [(7, 7)], "add", Flags(SEEN), NOW)
    then, rows = await asked(1, 4, first, 4)
    assert then > first
    assert rows is None
    assert await asked(5, 8, first, 4) == (then, [5, 6, 7, 8])
    await db.write(mailbox.expunge, box.id, [(2, 2)], NOW, only_deleted=False)
    await append(db, "INBOX")
    now, rows = await asked(1, 4, then, 4)
    assert rows == [1, 3, 4]
    assert await asked(1, 4, then, 3) == (now, None)
    assert await asked(5, 8, then, 4) == (now, None)
    assert await db.read(mailbox.fetch_changed, 1234, (1, 4), names, now, 4) == (0, [])
