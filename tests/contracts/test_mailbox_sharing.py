"""What the mailbox store promises to those who share a mailbox, on every engine."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable
from pathlib import Path

import pytest

from correo import mailbox
from correo.clock.virtual import SeededChance
from correo.mail.errors import Kind, Refused
from correo.mail.flags import DELETED, FLAGGED, SEEN, Flags
from correo.mailbox import ALL_RIGHTS, ANYONE, Entry, Identity, Mailbox, Rights
from correo.mailbox.rights import MAX_ENTRIES, Change
from correo.storage.db import Database, Tx
from correo.storage.db.sqlite import Sqlite

NOW = 1_767_225_600_000_000
OWNER, ANA, BOB = 7, 8, 9
HERE = "here.example"
CHANCE = SeededChance()
ALL = [(1, mailbox.MAX_UID)]
RAW = b"Subject: one\r\n\r\nbody\r\n"
PREPARED = mailbox.prepare(RAW)


@pytest.fixture(params=["sqlite"])
async def db(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    database = await Sqlite.open(tmp_path / "correo.db", now=NOW, threaded=False)
    for account in (OWNER, ANA, BOB):
        await database.write(mailbox.open_account, account, CHANCE, NOW)
    yield database
    await database.close()


async def named(db: Database, name: str, account: int = OWNER) -> Mailbox:
    found = await db.read(mailbox.find, account, name)
    assert found is not None
    return found


async def fill(db: Database, name: str, count: int, flags: Flags | None = None, reader: int = 0) -> Mailbox:
    box = await named(db, name)

    async def op(tx: Tx) -> None:
        for _ in range(count):
            content = await mailbox.store(tx, PREPARED, CHANCE.id(NOW), NOW)
            await mailbox.append(
                tx,
                box.id,
                content_id=content,
                size=PREPARED.size,
                flags=flags or Flags(),
                received=NOW,
                now=NOW,
                reader=reader,
            )

    await db.write(op)
    return await named(db, name)


async def shown(db: Database, mailbox_id: int, reader: int = 0) -> list[tuple[int, int, str]]:
    rows = await db.read(mailbox.messages, mailbox_id, reader=reader)
    return [(row.uid, row.flags, row.keywords) for row in rows]


async def refusal(work: Awaitable[object]) -> Kind:
    with pytest.raises(Refused) as caught:
        await work
    return caught.value.kind


async def give(
    db: Database, box: Mailbox, who: int, rights: str, *, domain: str = "", negative: bool = False
) -> Rights:
    letters = frozenset(rights)
    return await db.write(mailbox.set_rights, box.id, who, domain, negative, "replace", letters, NOW)


async def counts(db: Database, table: str) -> int:
    async def op(tx: Tx) -> int:
        row = await tx.one(f"SELECT COUNT(*) FROM {table}")
        return int(row[0]) if row else 0

    return await db.read(op)


# -- rights ---------------------------------------------------------------------------------------------------------------


async def test_rights_are_what_is_given_minus_what_is_taken(db: Database) -> None:
    box = await named(db, "Sent")
    ana, bob, eve = Identity(ANA, HERE), Identity(BOB, HERE), Identity(ANA, "there.example")
    await give(db, box, ANYONE, "lr", domain=HERE)
    await give(db, box, ANA, "ws")
    await give(db, box, BOB, "r", negative=True)
    await give(db, box, ANYONE, "s", domain=HERE, negative=True)
    assert await db.read(mailbox.rights, box.id, ana) == frozenset("lrw")
    assert await db.read(mailbox.rights, box.id, bob) == frozenset("l")
    assert await db.read(mailbox.rights, box.id, eve) == frozenset("ws")
    assert await db.read(mailbox.acl, box.id) == [
        Entry(ANYONE, HERE, False, frozenset("lr")),
        Entry(ANYONE, HERE, True, frozenset("s")),
        Entry(ANA, "", False, frozenset("ws")),
        Entry(BOB, "", True, frozenset("r")),
    ]


async def test_an_entry_is_replaced_added_to_and_taken_from(db: Database) -> None:
    box = await named(db, "Sent")

    async def change(how: Change, letters: str) -> Rights:
        return await db.write(mailbox.set_rights, box.id, ANA, "", False, how, frozenset(letters), NOW)

    assert await change("add", "lr") == frozenset("lr")
    assert await change("add", "rs") == frozenset("lrs")
    assert await change("remove", "ls") == frozenset("r")
    before = await named(db, "Sent")
    assert await change("replace", "r") == frozenset("r")
    assert await change("remove", "x") == frozenset("r")
    assert (await named(db, "Sent")).modseq == before.modseq
    assert await change("remove", "r") == frozenset()
    assert (await named(db, "Sent")).modseq == before.modseq + 1
    assert await db.read(mailbox.acl, box.id) == []
    assert await db.read(mailbox.changes, box.id, before.modseq) == mailbox.Changes(
        True, before.modseq + 1, 1
    )


async def test_a_list_has_an_end_and_needs_a_mailbox(db: Database) -> None:
    box = await named(db, "Sent")

    async def op(tx: Tx, last: int) -> None:
        for account in range(100, last):
            await mailbox.set_rights(tx, box.id, account, "", False, "replace", ALL_RIGHTS, NOW)

    await db.write(op, 100 + MAX_ENTRIES)
    assert await refusal(db.write(op, 101 + MAX_ENTRIES)) is Kind.TOO_MANY
    gone = mailbox.set_rights
    assert await refusal(db.write(gone, 12345, ANA, "", False, "replace", ALL_RIGHTS, NOW)) is Kind.NOT_FOUND
    with pytest.raises(ValueError, match="account or of a domain"):
        await db.write(gone, box.id, ANYONE, "", False, "replace", ALL_RIGHTS, NOW)


async def test_what_is_shared_with_somebody(db: Database) -> None:
    inbox, sent, trash = [await named(db, name) for name in ("INBOX", "Sent", "Trash")]
    theirs = await named(db, "INBOX", BOB)
    await give(db, inbox, ANA, "lr")
    await give(db, sent, ANYONE, "l", domain=HERE)
    await give(db, sent, ANA, "ls")
    await give(db, trash, ANYONE, "l", domain=HERE)
    await give(db, trash, ANA, "l", negative=True)
    await give(db, theirs, ANYONE, "r", domain=HERE)

    async def seen_by(account: int, domain: str) -> dict[int, str]:
        found = await db.read(mailbox.shared_with, Identity(account, domain))
        assert all([box == await db.read(mailbox.get, box.id) for box, _ in found])
        return {box.id: "".join(sorted(has)) for box, has in found}

    assert await seen_by(ANA, HERE) == {inbox.id: "lr", sent.id: "ls", theirs.id: "r"}
    assert await seen_by(BOB, HERE) == {sent.id: "l", trash.id: "l"}  # not his own
    assert await seen_by(BOB, "there.example") == {}


async def test_new_mailboxes_have_the_rights_of_the_one_above(db: Database) -> None:
    box = await db.write(mailbox.create, OWNER, "work", CHANCE, NOW)
    await give(db, box, ANA, "lrk")
    await give(db, box, ANYONE, "x", domain=HERE, negative=True)
    made = await db.write(mailbox.create, OWNER, "work/2026/May", CHANCE, NOW)
    above = await named(db, "work/2026")
    wanted = await db.read(mailbox.acl, box.id)
    assert len(wanted) == 2
    assert await db.read(mailbox.acl, above.id) == await db.read(mailbox.acl, made.id) == wanted
    # RENAME changes no rights (RFC 4314 §4); mailboxes that it makes have those of the one above them.
    plain = await db.write(mailbox.create, OWNER, "plain", CHANCE, NOW)
    await db.write(mailbox.rename, OWNER, "plain", "work/new/plain", CHANCE, NOW)
    assert await db.read(mailbox.acl, plain.id) == []
    assert await db.read(mailbox.acl, (await named(db, "work/new")).id) == wanted
    await db.write(mailbox.rename, OWNER, "work/2026", "old", CHANCE, NOW)
    assert await db.read(mailbox.acl, made.id) == wanted
    assert await db.read(mailbox.acl, (await db.write(mailbox.create, OWNER, "top", CHANCE, NOW)).id) == []


async def test_what_goes_takes_its_rights_and_marks_along(db: Database) -> None:
    box = await db.write(mailbox.create, OWNER, "work", CHANCE, NOW)
    inbox = await fill(db, "INBOX", 3)
    await fill(db, "work", 2)
    theirs = await named(db, "INBOX", BOB)
    for one in (box, inbox, theirs):
        await give(db, one, ANA, "lrs")
        await db.write(mailbox.store_flags, one.id, ALL, "add", Flags(SEEN), NOW, reader=ANA)
        await db.write(mailbox.store_flags, one.id, ALL, "add", Flags(SEEN), NOW, reader=BOB)
    assert (await counts(db, "mailbox_right"), await counts(db, "mailbox_seen")) == (3, 10)
    await db.write(mailbox.expunge, inbox.id, [(2, 2)], NOW, only_deleted=False)
    assert await counts(db, "mailbox_seen") == 8
    assert await db.read(mailbox.unseen, inbox.id, ANA) == 0
    await db.write(mailbox.delete, OWNER, "work", NOW)
    assert (await counts(db, "mailbox_right"), await counts(db, "mailbox_seen")) == (2, 4)
    await db.write(mailbox.remove_account, ANA, NOW)
    assert (await counts(db, "mailbox_right"), await counts(db, "mailbox_seen")) == (0, 2)
    await db.write(mailbox.remove_account, OWNER, NOW)
    assert await counts(db, "mailbox_seen") == 0


# -- \Seen ----------------------------------------------------------------------------------------------------------------


async def test_everybody_has_read_what_he_has_read(db: Database) -> None:
    inbox = await fill(db, "INBOX", 3)
    stored = await db.write(mailbox.store_flags, inbox.id, [(1, 2)], "add", Flags(SEEN), NOW, reader=ANA)
    assert stored.changed == [(1, SEEN, ""), (2, SEEN, "")]
    both = Flags(SEEN | FLAGGED, ("Work",))
    stored = await db.write(mailbox.store_flags, inbox.id, [(2, 3)], "add", both, NOW, reader=BOB)
    assert stored.changed == [(2, SEEN | FLAGGED, "Work"), (3, SEEN | FLAGGED, "Work")]
    assert await shown(db, inbox.id) == [(1, 0, ""), (2, FLAGGED, "Work"), (3, FLAGGED, "Work")]
    assert await shown(db, inbox.id, ANA) == [
        (1, SEEN, ""),
        (2, SEEN | FLAGGED, "Work"),
        (3, FLAGGED, "Work"),
    ]
    for reader, unseen, first in ((0, 3, 1), (ANA, 1, 3), (BOB, 1, 1), (99, 3, 1)):
        assert await db.read(mailbox.unseen, inbox.id, reader) == unseen
        assert await db.read(mailbox.first_unseen, inbox.id, reader) == first
    assert (await named(db, "INBOX")).unseen == 3
    # The owner's \Seen is his alone as well.
    await db.write(mailbox.store_flags, inbox.id, ALL, "add", Flags(SEEN), NOW)
    assert (await shown(db, inbox.id, BOB))[0] == (1, 0, "")
    await db.write(mailbox.store_flags, inbox.id, ALL, "replace", Flags(), NOW, reader=ANA)
    assert await shown(db, inbox.id) == [(1, SEEN, ""), (2, SEEN, ""), (3, SEEN, "")]
    assert await db.read(mailbox.first_unseen, inbox.id) is None


async def test_a_mark_is_told_to_whom_it_belongs(db: Database) -> None:
    inbox = await fill(db, "INBOX", 3)
    stored = await db.write(mailbox.store_flags, inbox.id, [(2, 3)], "add", Flags(SEEN), NOW, reader=ANA)
    assert stored.modseq == inbox.modseq + 1 == (await named(db, "INBOX")).modseq
    assert (await db.read(mailbox.changes, inbox.id, inbox.modseq, reader=ANA)).flagged == (2, 3)
    for other in (0, BOB):
        told = await db.read(mailbox.changes, inbox.id, inbox.modseq, reader=other)
        assert told == mailbox.Changes(True, stored.modseq, 4)
    rows = await db.read(mailbox.fetch_rows, inbox.id, [(1, 1), (3, 3)], ("modseq", "flags", "subject"), ANA)
    assert [(row.modseq, row.flags, row.subject) for row in rows] == [
        (inbox.modseq - 2, 0, "one"),
        (stored.modseq, SEEN, "one"),
    ]
    again = await db.write(
        mailbox.store_flags, inbox.id, ALL, "add", Flags(SEEN), NOW, stored.modseq - 1, ANA
    )
    assert (again.modified, [uid for uid, _, _ in again.changed]) == ([2, 3], [1])
    quiet = await db.write(mailbox.store_flags, inbox.id, ALL, "add", Flags(SEEN), NOW, reader=ANA)
    assert (quiet.modseq, quiet.changed) == (again.modseq, [])


async def test_a_log_that_was_forgotten_still_tells_readers(db: Database) -> None:
    inbox = await fill(db, "INBOX", 3)
    stored = await db.write(mailbox.store_flags, inbox.id, [(2, 2)], "add", Flags(SEEN), NOW, reader=ANA)
    assert await db.write(mailbox.forget, 0, NOW + 1)
    assert (await db.read(mailbox.changes, inbox.id, inbox.modseq - 1, reader=ANA)).flagged == (2, 3)
    assert (await db.read(mailbox.changes, inbox.id, inbox.modseq - 1)).flagged == (3,)
    assert (await db.read(mailbox.changes, inbox.id, stored.modseq, reader=ANA)).flagged == ()


async def test_what_a_reader_puts_in_is_seen_by_him(db: Database) -> None:
    box = await fill(db, "INBOX", 1, Flags(SEEN | FLAGGED, ("Work",)), reader=ANA)
    assert (box.unseen, box.deleted) == (1, 0)
    assert await shown(db, box.id) == [(1, FLAGGED, "Work")]
    assert await shown(db, box.id, ANA) == [(1, SEEN | FLAGGED, "Work")]
    assert await db.read(mailbox.unseen, box.id, ANA) == 0
    assert (await db.read(mailbox.changes, box.id, box.modseq - 1, reader=ANA)).appended == (1,)


# -- from account to account ----------------------------------------------------------------------------------------------


async def usage(db: Database, account: int) -> tuple[int, int]:
    quota = await db.read(mailbox.quota, account)
    return quota.messages, quota.size


async def test_a_copy_to_another_account_is_charged_there(db: Database) -> None:
    inbox = await fill(db, "INBOX", 3, Flags(FLAGGED, ("Work",)))
    theirs = await named(db, "INBOX", ANA)
    await db.write(mailbox.set_limits, ANA, messages=2, size=None, mailboxes=None)
    assert await refusal(db.write(mailbox.copy, inbox.id, ALL, theirs.id, NOW)) is Kind.OVER_QUOTA
    assert await refusal(db.write(mailbox.move, inbox.id, ALL, theirs.id, NOW)) is Kind.OVER_QUOTA
    copied = await db.write(mailbox.copy, inbox.id, [(1, 1), (3, 3)], theirs.id, NOW)
    assert copied.pairs == [(1, 1), (3, 2)]
    assert await usage(db, ANA) == (2, 2 * PREPARED.size)
    assert await usage(db, OWNER) == (3, 3 * PREPARED.size)
    assert await named(db, "INBOX") == inbox
    assert await counts(db, "mailbox_content") == 3
    assert await shown(db, theirs.id) == [(1, FLAGGED, "Work"), (2, FLAGGED, "Work")]


async def test_a_move_to_another_account_is_a_change_of_both(db: Database) -> None:
    inbox = await fill(db, "INBOX", 3, Flags(SEEN))
    theirs = await named(db, "Sent", ANA)
    await db.write(mailbox.store_flags, inbox.id, [(2, 2)], "add", Flags(SEEN), NOW, reader=ANA)
    before = await named(db, "INBOX")
    moved = await db.write(mailbox.move, inbox.id, [(1, 2)], theirs.id, NOW, reader=ANA)
    assert moved.pairs == [(1, 1), (2, 2)]
    assert await usage(db, ANA) == (2, 2 * PREPARED.size)
    assert await usage(db, OWNER) == (1, PREPARED.size)
    left, came = await named(db, "INBOX"), await named(db, "Sent", ANA)
    assert (left.messages, left.unseen, left.modseq) == (1, 0, before.modseq + 1)
    assert (came.messages, came.unseen, came.modseq) == (2, 1, moved.modseq)
    assert await shown(db, came.id) == [(1, 0, ""), (2, SEEN, "")]
    assert (await db.read(mailbox.changes, left.id, before.modseq)).expunged == ((1, 2),)
    assert (await db.read(mailbox.changes, came.id, theirs.modseq)).appended == (1, 2)
    assert await counts(db, "mailbox_seen") == 0
    assert await counts(db, "mailbox_orphan") == 0


async def test_seen_goes_along_with_who_copies(db: Database) -> None:
    inbox = await fill(db, "INBOX", 2, Flags(SEEN))
    mine = await named(db, "Sent", ANA)
    await db.write(mailbox.store_flags, inbox.id, [(2, 2)], "add", Flags(SEEN), NOW, reader=ANA)
    # Out of what she reads, back into it, and within it.
    await db.write(mailbox.copy, inbox.id, ALL, mine.id, NOW, reader=ANA)
    assert await shown(db, mine.id) == [(1, 0, ""), (2, SEEN, "")]
    back = await db.write(mailbox.copy, mine.id, ALL, inbox.id, NOW, target_reader=ANA)
    within = await db.write(mailbox.copy, inbox.id, [(1, 2)], inbox.id, NOW, reader=ANA, target_reader=ANA)
    assert [pair[1] for pair in back.pairs + within.pairs] == [3, 4, 5, 6]
    assert [bits for _, bits, _ in await shown(db, inbox.id, ANA)] == [0, SEEN, 0, SEEN, 0, SEEN]
    assert [bits for _, bits, _ in await shown(db, inbox.id)] == [SEEN, SEEN, 0, 0, 0, 0]
    assert (await named(db, "INBOX")).unseen == 4
    assert await db.read(mailbox.unseen, inbox.id, ANA) == 3
    assert all(row.modseq <= within.modseq for row in await db.read(mailbox.messages, inbox.id, reader=ANA))


@pytest.mark.parametrize(
    ("rights", "bits", "keywords"),
    [
        ("rwis", SEEN | FLAGGED, "Work"),
        ("rsti", SEEN | DELETED, ""),
        ("wit", FLAGGED | DELETED, "Work"),
        ("i", 0, ""),
    ],
)
async def test_copies_keep_the_flags_that_may_be_set_there(
    db: Database, rights: str, bits: int, keywords: str
) -> None:
    """The example of RFC 4314 §4."""
    inbox = await fill(db, "INBOX", 1, Flags(SEEN | FLAGGED | DELETED, ("Work",)))
    theirs = await named(db, "INBOX", BOB)
    await db.write(mailbox.copy, inbox.id, ALL, theirs.id, NOW, target_reader=OWNER, rights=frozenset(rights))
    assert await shown(db, theirs.id, OWNER) == [(1, bits, keywords)]
    assert await shown(db, theirs.id) == [(1, bits & ~SEEN, keywords)]
    assert (await named(db, "INBOX", BOB)).deleted == (bits & DELETED != 0)
