"""What the mailbox store promises about mailboxes and their names, on every engine."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable
from pathlib import Path

import pytest

from correo import mailbox
from correo.clock.virtual import SeededChance
from correo.mail.errors import Kind, Refused
from correo.mail.flags import SEEN, Flags
from correo.mail.instant import SECOND
from correo.mailbox import MAX_DEPTH, MAX_MAILBOXES, Mailbox, mailboxes, subscribing
from correo.storage.db import Database
from correo.storage.db.sqlite import Sqlite

NOW = 1_767_225_600_000_000
ACCOUNT = 7
FIRST = ["INBOX", "Archive", "Drafts", "Junk", "Sent", "Trash"]
CHANCE = SeededChance()


@pytest.fixture(params=["sqlite"])
async def db(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    database = await Sqlite.open(tmp_path / "correo.db", now=NOW, threaded=False)
    await database.write(mailbox.open_account, ACCOUNT, CHANCE, NOW)
    yield database
    await database.close()


async def create(db: Database, name: str, special_use: str = "") -> Mailbox:
    return await db.write(mailbox.create, ACCOUNT, name, CHANCE, NOW, special_use)


async def rename(db: Database, old: str, new: str) -> None:
    await db.write(mailbox.rename, ACCOUNT, old, new, CHANCE, NOW)


async def own(db: Database) -> list[str]:
    """The names beyond those every account begins with."""
    return [box.name for box in await db.read(mailbox.list_mailboxes, ACCOUNT) if box.name not in FIRST]


async def named(db: Database, name: str) -> Mailbox:
    found = await db.read(mailbox.find, ACCOUNT, name)
    assert found is not None
    return found


async def append(db: Database, box: Mailbox) -> None:
    await db.write(mailbox.append, box.id, content_id=1, size=9, flags=Flags(SEEN), received=NOW, now=NOW)


async def refusal(work: Awaitable[object]) -> Kind:
    with pytest.raises(Refused) as caught:
        await work
    return caught.value.kind


async def test_an_account_begins_with_special_mailboxes(db: Database) -> None:
    boxes = await db.read(mailbox.list_mailboxes, ACCOUNT)
    assert [box.name for box in boxes] == FIRST
    uses = ["", "\\Archive", "\\Drafts", "\\Junk", "\\Sent", "\\Trash"]
    assert [box.special_use for box in boxes] == uses
    assert await db.read(mailbox.subscriptions, ACCOUNT) == sorted(FIRST)
    assert len({box.uidvalidity for box in boxes}) == len(FIRST)
    assert all(box.uidnext == 1 and box.modseq > 0 for box in boxes)
    assert await refusal(db.write(mailbox.open_account, ACCOUNT, CHANCE, NOW)) is Kind.EXISTS


async def test_names_are_found_in_any_spelling_of_inbox_and_any_normal_form(db: Database) -> None:
    made = await create(db, "inbox/Cafe\u0301")
    assert made.name == "INBOX/Caf\u00e9"
    for spelling in ("InBox/Caf\u00e9", "INBOX/Cafe\u0301"):
        assert await named(db, spelling) == made
    assert await db.read(mailbox.find, ACCOUNT, "INBOX/caf\u00e9") is None
    assert (await named(db, "iNbOx")) == await db.read(mailbox.inbox, ACCOUNT)
    assert await db.read(mailbox.get, made.id) == made


async def test_create_makes_missing_parents(db: Database) -> None:
    made = await create(db, "a/b/c", "\\Sent")
    assert await own(db) == ["a", "a/b", "a/b/c"]
    assert made.special_use == "\\Sent"
    assert (await named(db, "a")).special_use == ""
    validities = [(await named(db, name)).uidvalidity for name in ("a", "a/b", "a/b/c")]
    assert validities == sorted(set(validities))


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("inbox", Kind.EXISTS),
        ("Sent", Kind.EXISTS),
        ("a//b", Kind.BAD_NAME),
        ("a/*", Kind.BAD_NAME),
        ("/".join("x" * (MAX_DEPTH + 1)), Kind.BAD_NAME),
    ],
)
async def test_create_refuses(db: Database, name: str, kind: Kind) -> None:
    assert await refusal(create(db, name)) is kind
    assert await own(db) == []


async def test_create_serves_only_uses_that_are_mailboxes(db: Database) -> None:
    assert await refusal(create(db, "everything", "\\All")) is Kind.NO_PERMISSION


async def test_mailboxes_and_subscriptions_have_limits(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    assert MAX_MAILBOXES > 8
    monkeypatch.setattr(mailboxes, "MAX_MAILBOXES", 8)
    monkeypatch.setattr(subscribing, "MAX_SUBSCRIPTIONS", 7)
    assert await refusal(create(db, "a/b/c")) is Kind.TOO_MANY
    await create(db, "a/b")
    assert await refusal(create(db, "c")) is Kind.TOO_MANY
    await db.write(mailbox.subscribe, ACCOUNT, "a", NOW)
    assert await refusal(db.write(mailbox.subscribe, ACCOUNT, "b", NOW)) is Kind.TOO_MANY


async def test_a_name_made_anew_never_repeats_its_uidvalidity(db: Database) -> None:
    given = [(await create(db, "again")).uidvalidity]
    for _ in range(3):
        await db.write(mailbox.delete, ACCOUNT, "again", NOW)
        given.append((await create(db, "again")).uidvalidity)
    assert given == sorted(set(given))
    await db.write(mailbox.delete, ACCOUNT, "again", NOW)
    later = NOW + 1000 * SECOND
    assert (await db.write(mailbox.create, ACCOUNT, "again", CHANCE, later)).uidvalidity > later // SECOND


async def test_delete_takes_the_messages_and_leaves_the_children(db: Database) -> None:
    await create(db, "a/b")
    box = await named(db, "a")
    await append(db, box)
    gone = await db.write(mailbox.delete, ACCOUNT, "a", NOW)
    assert (gone.id, gone.messages) == (box.id, 1)
    assert await own(db) == ["a/b"]
    assert await db.read(mailbox.uids, box.id) == []
    assert not (await db.read(mailbox.changes, box.id, 0)).exists
    assert await refusal(db.write(mailbox.delete, ACCOUNT, "a", NOW)) is Kind.HAS_CHILDREN
    await create(db, "a")
    assert await own(db) == ["a", "a/b"]


async def test_delete_refuses(db: Database) -> None:
    assert await refusal(db.write(mailbox.delete, ACCOUNT, "Inbox", NOW)) is Kind.NO_PERMISSION
    assert await refusal(db.write(mailbox.delete, ACCOUNT, "none", NOW)) is Kind.NOT_FOUND


async def test_rename_takes_the_children_and_keeps_what_clients_know(db: Database) -> None:
    await create(db, "foo/bar")
    await create(db, "food")
    before = await named(db, "foo/bar")
    await append(db, before)
    await rename(db, "foo", "new/parent/zap")
    assert await own(db) == ["food", "new", "new/parent", "new/parent/zap", "new/parent/zap/bar"]
    after = await named(db, "new/parent/zap/bar")
    assert (after.id, after.uidvalidity, after.uidnext, after.messages) == (
        before.id,
        before.uidvalidity,
        2,
        1,
    )
    assert (await db.read(mailbox.changes, after.id, before.modseq)).appended == (1,)


async def test_rename_of_a_name_that_is_only_a_parent(db: Database) -> None:
    await create(db, "foo/bar")
    await db.write(mailbox.delete, ACCOUNT, "foo", NOW)
    await rename(db, "foo", "zowie")
    assert await own(db) == ["zowie/bar"]


async def test_rename_upwards_into_its_own_place(db: Database) -> None:
    await create(db, "a/b/b/b")
    await db.write(mailbox.delete, ACCOUNT, "a", NOW)
    ids = [(await named(db, name)).id for name in ("a/b", "a/b/b", "a/b/b/b")]
    await rename(db, "a/b", "a")
    assert await own(db) == ["a", "a/b", "a/b/b"]
    assert [(await named(db, name)).id for name in ("a", "a/b", "a/b/b")] == ids


@pytest.mark.parametrize(
    ("old", "new", "kind"),
    [
        ("none", "x", Kind.NOT_FOUND),
        ("foo", "Sent", Kind.EXISTS),
        ("foo", "foo", Kind.EXISTS),
        ("foo", "inbox", Kind.EXISTS),
        ("INBOX", "Sent", Kind.EXISTS),
        ("INBOX", "inbox", Kind.EXISTS),
        ("foo", "foo/below", Kind.BAD_NAME),
        ("foo", "x%", Kind.BAD_NAME),
        ("foo", "taken", Kind.EXISTS),
        ("foo", "/".join("y" * MAX_DEPTH), Kind.BAD_NAME),
    ],
)
async def test_rename_refuses(db: Database, old: str, new: str, kind: Kind) -> None:
    await create(db, "foo/bar")
    await create(db, "taken/bar")
    await db.write(mailbox.delete, ACCOUNT, "taken", NOW)
    before = await own(db)
    assert await refusal(rename(db, old, new)) is kind
    assert await own(db) == before


async def test_renaming_the_inbox_moves_its_messages(db: Database) -> None:
    await create(db, "INBOX/child")
    inbox = await named(db, "INBOX")
    for _ in range(3):
        await append(db, inbox)
    await rename(db, "inbox", "old/mail")
    assert await own(db) == ["INBOX/child", "old", "old/mail"]
    after = await named(db, "INBOX")
    assert (after.id, after.uidvalidity, after.messages, after.uidnext) == (inbox.id, inbox.uidvalidity, 0, 4)
    assert (await named(db, "old/mail")).messages == 3
    assert (await db.read(mailbox.changes, inbox.id, inbox.modseq + 3)).expunged == ((1, 3),)


async def test_subscriptions_are_of_names(db: Database) -> None:
    await db.write(mailbox.subscribe, ACCOUNT, "inbox/nowhere", NOW)
    await db.write(mailbox.subscribe, ACCOUNT, "INBOX/nowhere", NOW)
    await db.write(mailbox.unsubscribe, ACCOUNT, "Sent", NOW)
    await db.write(mailbox.unsubscribe, ACCOUNT, "never was", NOW)
    await db.write(mailbox.delete, ACCOUNT, "Trash", NOW)
    wanted = sorted({*FIRST, "INBOX/nowhere"} - {"Sent"})
    assert await db.read(mailbox.subscriptions, ACCOUNT) == wanted
    assert await refusal(db.write(mailbox.subscribe, ACCOUNT, "a//b", NOW)) is Kind.BAD_NAME


async def test_a_special_use_is_left_to_one_mailbox(db: Database) -> None:
    bin_ = await create(db, "Bin", "\\Trash")
    assert (await named(db, "Trash")).special_use == ""
    await db.write(mailbox.set_special_use, ACCOUNT, (await named(db, "Trash")).id, "\\Trash", NOW)
    assert [(await named(db, name)).special_use for name in ("Bin", "Trash")] == ["", "\\Trash"]
    await db.write(mailbox.set_special_use, ACCOUNT, (await named(db, "Trash")).id, "", NOW)
    await db.write(mailbox.set_special_use, ACCOUNT, bin_.id, "\\Junk", NOW)
    uses = {box.name: box.special_use for box in await db.read(mailbox.list_mailboxes, ACCOUNT)}
    assert (uses["Bin"], uses["Trash"], uses["Junk"]) == ("\\Junk", "", "")


async def test_special_uses_that_are_refused(db: Database) -> None:
    inbox, sent = await named(db, "INBOX"), await named(db, "Sent")
    for box, use in ((sent, "\\All"), (inbox, "\\Junk")):
        wanted = db.write(mailbox.set_special_use, ACCOUNT, box.id, use, NOW)
        assert await refusal(wanted) is Kind.NO_PERMISSION
    assert await refusal(create(db, "x", "\\All")) is Kind.NO_PERMISSION
    await db.write(mailbox.set_special_use, ACCOUNT, inbox.id, "", NOW)
    assert (await named(db, "Junk")).special_use == "\\Junk"


async def test_annotations_follow_their_mailbox(db: Database) -> None:
    box = await create(db, "a")
    await db.write(mailbox.annotate, ACCOUNT, box.id, {"/private/x": b"1", "/private/y": b"\x00"}, NOW)
    await db.write(mailbox.annotate, ACCOUNT, box.id, {"/private/x": None, "/private/z": b""}, NOW)
    assert await db.read(mailbox.noted, ACCOUNT, box.id) == {"/private/y": b"\x00", "/private/z": b""}
    await rename(db, "a", "b")
    assert len(await db.read(mailbox.noted, ACCOUNT, box.id)) == 2
    await db.write(mailbox.delete, ACCOUNT, "b", NOW)
    assert await db.read(mailbox.noted, ACCOUNT, box.id) == {}
    await db.write(mailbox.annotate, ACCOUNT, mailbox.SERVER, {"/private/x": b"1"}, NOW)
    await db.write(mailbox.remove_account, ACCOUNT, NOW)
    assert await db.read(mailbox.noted, ACCOUNT, mailbox.SERVER) == {}


async def test_the_inbox_keeps_its_annotations_and_gives_a_copy(db: Database) -> None:
    inbox = await named(db, "INBOX")
    await db.write(mailbox.annotate, ACCOUNT, inbox.id, {"/private/x": b"1"}, NOW)
    await rename(db, "INBOX", "old")
    for name in ("INBOX", "old"):
        assert await db.read(mailbox.noted, ACCOUNT, (await named(db, name)).id) == {"/private/x": b"1"}


async def test_annotations_are_bounded(db: Database) -> None:
    box = await named(db, "INBOX")
    full = b"x" * mailbox.MAX_VALUE
    assert (
        await refusal(db.write(mailbox.annotate, ACCOUNT, box.id, {"/a": full + b"x"}, NOW)) is Kind.TOO_BIG
    )
    wide = {f"/{number}": full for number in range(5)}
    assert await refusal(db.write(mailbox.annotate, ACCOUNT, box.id, wide, NOW)) is Kind.TOO_MANY
    many: dict[str, bytes | None] = {f"/{number}": b"" for number in range(100)}
    await db.write(mailbox.annotate, ACCOUNT, box.id, many, NOW)
    assert await refusal(db.write(mailbox.annotate, ACCOUNT, box.id, {"/more": b""}, NOW)) is Kind.TOO_MANY
    await db.write(mailbox.annotate, ACCOUNT, box.id, {"/more": b"", "/0": None}, NOW)
    assert len(await db.read(mailbox.noted, ACCOUNT, box.id)) == 100
