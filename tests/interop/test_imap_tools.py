"""imap_tools: a high-level IMAP client that relies on MOVE, UIDs and extended search."""

from __future__ import annotations

import datetime
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
from imap_tools import AND, MailBox, MailboxLoginError, MailBoxStartTls, MailMessageFlags
from tests.interop.devices import plainly, tree
from tests.interop.serving import ALICE, HOST, PASSWORD, PATIENCE, Correo, letter

NAMES = ["one", "two", "three"]


@pytest.fixture
def mailbox(correo: Correo, authority: Path) -> Iterator[MailBox]:
    """Alice's, with three messages."""
    correo.deliver(*(letter(name, f"about {name}\r\nand more\r\n") for name in NAMES))
    trust = ssl.create_default_context(cafile=str(authority))
    with MailBox(HOST, correo.port("imap", "implicit"), timeout=10, ssl_context=trust).login(
        ALICE, PASSWORD
    ) as box:
        yield box  # type: ignore[misc,unused-ignore]


def subjects(mailbox: MailBox, folder: str = "INBOX") -> list[str]:
    mailbox.folder.set(folder)
    return [message.subject for message in mailbox.fetch(mark_seen=False)]


def test_fetch(mailbox: MailBox) -> None:
    first, *_ = mailbox.fetch(mark_seen=False)
    assert (first.subject, first.from_, first.to) == ("one", "carol@far.example", (ALICE,))
    assert first.text == "about one\r\nand more\r\n\r\n"
    assert first.date == datetime.datetime.fromisoformat("2026-11-23T09:53:00+01:00")
    assert first.size > 100
    assert [message.subject for message in mailbox.fetch(reverse=True, limit=2, bulk=True)] == [
        "three",
        "two",
    ]
    assert subjects(mailbox) == NAMES


def test_search(mailbox: MailBox) -> None:
    assert mailbox.numbers(AND(subject="two")) == ["2"]
    assert len(mailbox.uids(AND(text="about", seen=False))) == 3
    assert mailbox.uids(AND(body="three")) == ["3"]
    assert mailbox.uids(AND(sent_date_gte=datetime.date(2026, 11, 24))) == []
    assert len(mailbox.uids(AND(from_="CAROL@", size_gt=10))) == 3


def test_flags_move_and_delete(mailbox: MailBox) -> None:
    mailbox.flag(["1", "2"], [MailMessageFlags.SEEN, "$Label1"], True)
    assert mailbox.uids(AND(keyword="$Label1", seen=True)) == ["1", "2"]
    mailbox.flag("1", "$Label1", False)
    assert mailbox.uids(AND(keyword="$Label1")) == ["2"]
    mailbox.move("2", "Archive")
    mailbox.copy("3", "Archive")
    mailbox.delete("1")
    assert subjects(mailbox) == ["three"]
    assert sorted(subjects(mailbox, "Archive")) == ["three", "two"]


def test_folders(mailbox: MailBox) -> None:
    mailbox.folder.create("Ordner/Übersicht & mehr")
    mailbox.folder.rename("Ordner/Übersicht & mehr", "Ordner/日本")
    mailbox.folder.subscribe("Ordner/日本", True)
    mailbox.append(letter("four"), "Ordner/日本", flag_set=[MailMessageFlags.FLAGGED])
    assert subjects(mailbox, "Ordner/日本") == ["four"]
    assert mailbox.folder.status("Ordner/日本")["MESSAGES"] == 1
    assert {found.name: found.delim for found in mailbox.folder.list("Ordner")} == {
        "Ordner": "/",
        "Ordner/日本": "/",
    }
    assert [found.name for found in mailbox.folder.list(subscribed_only=True) if "日" in found.name] == [
        "Ordner/日本"
    ]
    mailbox.folder.set("INBOX")
    mailbox.folder.delete("Ordner/日本")
    assert not mailbox.folder.exists("Ordner/日本")


def test_flags_of_many_in_pieces(correo: Correo, mailbox: MailBox) -> None:
    count = 80
    for number in range(count):
        mailbox.append(letter(f"letter {number}"), "Archive", flag_set=["$Unread"] if number % 3 else [])
    mailbox.folder.set("Archive")
    every = mailbox.uids()
    assert len(every) == count
    mailbox.flag(every, [MailMessageFlags.SEEN, "$Done"], True, chunks=15)
    mailbox.flag(every[::2], MailMessageFlags.SEEN, False, chunks=12)
    mailbox.flag(every, "$Unread", False)
    assert mailbox.uids(AND(seen=True)) == every[1::2]
    assert mailbox.uids(AND(keyword="$Done")) == every
    assert mailbox.uids(AND(keyword="$Unread")) == []
    with plainly(correo) as other:
        other.folder.set("Archive")
        assert other.uids(AND(seen=True)) == every[1::2]
        assert other.folder.status("Archive", ["MESSAGES", "UNSEEN"]) == {
            "MESSAGES": count,
            "UNSEEN": count // 2,
        }


def test_moving_many(correo: Correo, mailbox: MailBox) -> None:
    for number in range(60):
        mailbox.append(letter(f"letter {number}"), "Archive")
    mailbox.folder.create("Kept/2026")
    mailbox.folder.set("Archive")
    mailbox.flag(mailbox.uids(), "$Moved", True)
    mailbox.move(mailbox.uids()[20:], "Kept/2026", chunks=12)
    mailbox.copy(mailbox.uids(), "Kept/2026", chunks=7)
    mailbox.delete(mailbox.uids()[:5])
    there = tree(correo)
    assert len(there["Archive"]) == 15
    assert sorted(name for name, _ in there["Kept/2026"]) == sorted(
        f"letter {number}" for number in range(60)
    )
    mailbox.folder.set("Kept/2026")
    assert len(mailbox.uids(AND(keyword="$Moved"))) == 60


def test_idle_hears_of_flags_and_of_what_is_gone(correo: Correo, mailbox: MailBox) -> None:
    heard: list[bytes] = []
    with mailbox.idle as idle, plainly(correo) as other:
        other.flag("2", [MailMessageFlags.FLAGGED], True)
        other.delete("1")
        while not any(line.endswith(b"1 EXPUNGE") for line in heard):
            lines = idle.poll(timeout=PATIENCE)
            assert lines, f"nothing more than {heard}"
            heard += lines
    assert any(b"2 FETCH" in line and b"\\Flagged" in line for line in heard)
    assert mailbox.uids() == ["2", "3"]


def test_idle_hears_of_new_mail(correo: Correo, mailbox: MailBox) -> None:
    with mailbox.idle as idle:
        correo.deliver(letter("four"))
        assert any(b"4 EXISTS" in line for line in idle.poll(timeout=PATIENCE))
    assert subjects(mailbox) == [*NAMES, "four"]


def test_starttls_and_a_wrong_password(correo: Correo, authority: Path) -> None:
    trust = ssl.create_default_context(cafile=str(authority))
    client = MailBoxStartTls(HOST, correo.port("imap"), timeout=10, ssl_context=trust)
    with pytest.raises(MailboxLoginError):
        client.login(ALICE, "wrong")
    with client.login(ALICE, PASSWORD) as box:
        assert box.folder.get() == "INBOX"
