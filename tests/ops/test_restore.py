"""A backup is believed only after it has been read; a restore leads clients into no past they do not remember."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import apsw
import pytest

from correo import mailbox
from correo.clock.virtual import SeededChance
from correo.ledger import Event, open_message, record
from correo.mail.errors import Kind, Refused
from correo.mail.flags import Flags
from correo.mailbox import prepare
from correo.mailbox.restoring import MODSEQ_LEAP, UID_LEAP, leap
from correo.ops import inventory
from correo.ops.backup import Backup, Keep, back_up
from correo.ops.manifest import MANIFEST, BadBackup, Stored, digest_of, read_manifest
from correo.ops.restore import NotEmpty, check, find, restore
from correo.storage.db import Tx, snapshot
from correo.storage.db.sqlite import Sqlite

NOW = 1_700_000_000_000_000
ACCOUNT = 7


def quiet(what: str, done: int, total: int) -> None:
    assert what
    assert 0 <= done <= max(total, 0)


async def fill(tx: Tx) -> None:
    """One account with two messages that share a body, and their journeys."""
    chance = SeededChance(1)
    await mailbox.open_account(tx, ACCOUNT, chance, NOW)
    inbox = await mailbox.inbox(tx, ACCOUNT)
    assert inbox is not None
    for number in range(2):
        id = chance.id(NOW)
        raw = b"Subject: %d\r\n\r\n" % number + b"the same words, " * 200
        await mailbox.store(tx, prepare(raw), id, NOW)
        await mailbox.append(tx, inbox.id, content_id=id, size=len(raw), flags=Flags(), received=NOW, now=NOW)
        await open_message(
            tx,
            id=id,
            at=NOW,
            protocol="smtp",
            source="",
            account="",
            sender="",
            message_id="",
            subject="",
            size=1,
        )
        for event in (Event.ACCEPTED, Event.DELIVERED):
            await record(tx, id, id=chance.id(NOW), at=NOW, recipient="a@b", event=event)


@pytest.fixture
async def database(tmp_path: Path) -> Path:
    path = tmp_path / "correo.db"
    db = await Sqlite.open(path, now=NOW, threaded=False)
    await db.write(fill)
    await db.close()
    return path


@pytest.fixture
def backup(database: Path, tmp_path: Path) -> Backup:
    return back_up(database, [], tmp_path / "backups", NOW, quiet)


def damage(database: Path, statement: str, *values: object) -> None:
    connection = apsw.Connection(str(database))
    connection.execute(statement, values)
    connection.close()


def sealed(backup: Backup) -> None:
    """Let the manifest say what the file is now, as if the fault had been there when the backup was made."""
    database = backup.folder / "correo.db"
    counted = backup.manifest.inventory
    with snapshot.opened(database) as copy:
        try:
            counted = copy.read(inventory.take)
        except Refused:
            pass  # it cannot even be counted
    manifest = replace(backup.manifest, database=Stored("correo.db", *digest_of(database)), inventory=counted)
    (backup.folder / MANIFEST).write_bytes(manifest.encode())


def test_the_manifest_counts_everything(backup: Backup) -> None:
    counts = backup.manifest.inventory.counts()
    assert (counts["messages"], counts["contents"], counts["bodies"]) == (2, 2, 1)
    assert (counts["ledger_entries"], counts["ledger_difference"]) == (4, 0)
    assert read_manifest(backup.folder) == backup.manifest
    assert check(backup.folder, quiet).manifest == backup.manifest


@pytest.mark.parametrize(
    ("statement", "values", "words"),
    [
        ("UPDATE mailbox_body SET hash = zeroblob(16)", (), "its hash differs"),
        ("UPDATE mailbox_body SET data = x'28b52ffd00'", (), "stored content is damaged"),
        ("UPDATE mailbox_content SET header = x'00', header_size = 14", (), "stored content is damaged"),
        ("UPDATE mailbox_content SET size = size + 1", (), "octets where"),
        ("DELETE FROM mailbox_content", (), "2 messages without content"),
        ("DELETE FROM mailbox_body", (), "has lost its body"),
        ("UPDATE mailbox_mailbox SET messages = messages + 1", (), "mailboxes whose counters are wrong"),
        ("INSERT INTO mailbox_seen VALUES (1, 1, 9, 1, 1)", (), "1 marks of readers on messages"),
        ("INSERT INTO mailbox_right VALUES (1, 9, '', 0, 'lr')", (), "1 rights in mailboxes"),
        ("INSERT INTO mailbox_shown VALUES (1, 5, 1, '1.0')", (), "1 messages that an Outbox shows"),
        ("DELETE FROM ledger_entry WHERE event = 'delivered'", (), "the ledger does not balance: +2"),
    ],
)
def test_what_is_broken_inside_is_found(
    backup: Backup, tmp_path: Path, statement: str, values: tuple[object, ...], words: str
) -> None:
    damage(backup.folder / "correo.db", statement, *values)
    sealed(backup)
    with pytest.raises(BadBackup) as caught:
        restore(backup.folder, tmp_path / "new", "", NOW, quiet)
    assert words in str(caught.value)
    assert not (tmp_path / "new").exists()


def test_faults_are_named_without_the_help_of_the_hash(backup: Backup) -> None:
    damage(backup.folder / "correo.db", "UPDATE mailbox_body SET hash = zeroblob(16)")
    with snapshot.opened(backup.folder / "correo.db") as copy:
        (fault,) = copy.read(inventory.verify, lambda done, total: None)
    assert "is not what was stored" in fault


def test_a_manifest_that_counts_otherwise(backup: Backup, tmp_path: Path) -> None:
    wrong = replace(backup.manifest.inventory, messages=3, digest="0" * 64)
    (backup.folder / MANIFEST).write_bytes(replace(backup.manifest, inventory=wrong).encode())
    with pytest.raises(BadBackup) as caught:
        restore(backup.folder, tmp_path / "new", "", NOW, quiet)
    assert caught.value.faults == (
        "messages: 2 where 3 were written",
        "the messages are not those that were written: their digest differs",
    )


@pytest.mark.parametrize(
    "change",
    [
        {"format": 2},
        {"schema": {99: "of the future"}},
        {"database": Stored("../correo.db", 1, "")},
        {"files": (Stored("/etc/passwd", 1, ""),)},
    ],
)
def test_a_manifest_that_cannot_be_followed(backup: Backup, change: dict[str, object]) -> None:
    manifest = replace(backup.manifest, **change)  # type: ignore[arg-type]
    (backup.folder / MANIFEST).write_bytes(manifest.encode())
    if "schema" in change:
        damage(backup.folder / "correo.db", "UPDATE schema_migration SET checksum = 'another'")
        sealed(backup)
    with pytest.raises(BadBackup):
        check(backup.folder, quiet)


def test_nonsense_is_no_manifest(backup: Backup) -> None:
    for octets in (b"", b"{", b'{"format": "x"}', b"\xff"):
        (backup.folder / MANIFEST).write_bytes(octets)
        with pytest.raises(BadBackup, match="damaged"):
            read_manifest(backup.folder)


def test_the_newest_of_a_folder_is_found(database: Path, tmp_path: Path) -> None:
    target = tmp_path / "backups"
    made = [back_up(database, [], target, NOW + second * 1_000_000, quiet).folder for second in (0, 0, 5)]
    assert [folder.name for folder in made] == [
        "correo-20231114T221320Z",
        "correo-20231114T221320Z-2",
        "correo-20231114T221325Z",
    ]
    assert find(target) == made[-1]
    assert find(made[0] / MANIFEST) == made[0]
    with pytest.raises(BadBackup):
        find(tmp_path)


def test_a_backup_that_fails_leaves_nothing(tmp_path: Path) -> None:
    nonsense = tmp_path / "correo.db"
    nonsense.write_bytes(b"no database" * 1000)
    with pytest.raises(Refused) as caught:
        back_up(nonsense, [], tmp_path / "backups", NOW, quiet)
    assert caught.value.kind is Kind.BROKEN
    assert list((tmp_path / "backups").iterdir()) == []


def test_a_file_that_cannot_be_kept_fails_the_backup(database: Path, tmp_path: Path) -> None:
    with pytest.raises(OSError, match="missing"):
        back_up(database, [Keep(tmp_path / "missing", "missing", True)], tmp_path / "backups", NOW, quiet)
    assert list((tmp_path / "backups").iterdir()) == []


def test_a_restore_wants_an_empty_place(backup: Backup, tmp_path: Path) -> None:
    for place in (backup.folder, backup.folder / MANIFEST):
        with pytest.raises(NotEmpty):
            restore(backup.folder, place, "", NOW, quiet)
    (tmp_path / "empty").mkdir()
    assert restore(backup.folder, tmp_path / "empty", "", NOW, quiet).manifest == backup.manifest
    assert [path.name for path in (tmp_path / "empty").iterdir()] == ["correo.db"]


async def test_after_a_restore_no_uid_and_no_modseq_is_given_twice(tmp_path: Path) -> None:
    """As clients see it: what they may remember from after the backup is gone, what is here has changed."""
    path = tmp_path / "correo.db"
    db = await Sqlite.open(path, now=NOW, threaded=False)
    await db.write(fill)
    before = await db.read(mailbox.inbox, ACCOUNT)
    await db.bulk(leap, NOW)
    after = await db.read(mailbox.inbox, ACCOUNT)
    assert before is not None
    assert after is not None
    assert (after.uidvalidity, after.messages) == (before.uidvalidity, before.messages)
    assert after.uidnext == before.uidnext + UID_LEAP
    assert after.modseq > before.modseq + MODSEQ_LEAP // 2
    seen = await db.read(
        mailbox.changes, after.id, before.modseq + 100
    )  # a modseq from the time that was lost
    assert seen.flagged == (1, 2)
    assert seen.expunged == ((before.uidnext, after.uidnext - 1),)
    assert seen.appended == ()
    assert [message.modseq for message in await db.read(mailbox.messages, after.id)] == [after.modseq] * 2
    await db.close()


def test_copies_survive_without_their_source(backup: Backup, database: Path, tmp_path: Path) -> None:
    database.unlink()
    shutil.copytree(backup.folder, tmp_path / "moved")
    assert check(tmp_path / "moved", quiet).manifest == backup.manifest


def test_progress_comes_to_its_end(database: Path, tmp_path: Path) -> None:
    seen: dict[str, list[tuple[int, int]]] = {}
    back_up(
        database,
        [],
        tmp_path / "b",
        NOW,
        lambda what, done, total: seen.setdefault(what, []).append((done, total)),
    )
    assert set(seen) == {"copying", "hashing"}
    assert all(steps[-1][0] == steps[-1][1] > 0 for steps in seen.values())
