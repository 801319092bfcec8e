"""imaplib: the whole life of a mailbox, from CREATE to DELETE, with a look into the database in between."""

from __future__ import annotations

import imaplib
import sqlite3
from contextlib import closing
from typing import Any

import pytest
from tests.interop.serving import ALICE, HOST, PASSWORD, Correo, letter, subject

NAME, RENAMED = '"Pr&APw-fung/2026"', '"Archiv &- Ablage/&ZeVnLA-"'
WHEN = '"10-Feb-2024 12:30:00 +0100"'
SUBJECTS = ("beta", "alpha", "gamma", "Re: alpha")


@pytest.fixture
def imap(correo: Correo) -> imaplib.IMAP4:
    imap = imaplib.IMAP4(HOST, correo.port("imap"), timeout=10)
    imap.login(ALICE, PASSWORD)
    return imap


def ok(answer: tuple[str, list[Any]]) -> list[Any]:
    """What came with the OK."""
    status, data = answer
    assert status == "OK", data
    return data


def kept(correo: Correo) -> dict[str, list[int]]:
    """Alice's mailboxes with the UIDs of their messages, as they stand in the database."""
    path = correo.folder / "data" / "correo.db"
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
        rows = database.execute(
            "SELECT b.name, m.uid FROM mailbox_mailbox b JOIN accounts_account a ON a.id = b.account_id "
            "LEFT JOIN mailbox_message m ON m.mailbox_id = b.id WHERE a.address = 'alice@correo.test' ORDER BY b.name, m.uid"
        ).fetchall()
    return {name: [uid for other, uid in rows if other == name and uid] for name, _ in rows}


def test_the_life_of_a_mailbox(correo: Correo, imap: imaplib.IMAP4) -> None:
    ok(imap.create(NAME))
    ok(imap.subscribe(NAME))
    assert imap.create(NAME)[0] == "NO"
    assert {"Prüfung", "Prüfung/2026"} <= kept(correo).keys()

    for number, name in enumerate(SUBJECTS):
        ok(imap.append(NAME, r"(\Seen $Work)" if number % 2 else "", WHEN, letter(name, f"body of {name}")))
    assert kept(correo)["Prüfung/2026"] == [1, 2, 3, 4]
    assert ok(imap.status(NAME, "(MESSAGES UNSEEN UIDNEXT)")) == [
        b"Pr&APw-fung/2026 (MESSAGES 4 UNSEEN 2 UIDNEXT 5)"
    ]

    assert ok(imap.select(NAME)) == [b"4"]
    assert ok(imap.search(None, "KEYWORD", "$Work", "UNFLAGGED")) == [b"2 4"]
    assert ok(imap.search("UTF-8", "BODY", '"body of gamma"')) == [b"3"]
    assert ok(imap.sort("(SUBJECT REVERSE ARRIVAL)", "UTF-8", "ALL")) == [b"2 4 1 3"]
    assert ok(imap.uid("SORT", "(REVERSE SIZE)", "UTF-8", "SUBJECT alpha")) == [b"4 2"]  # type: ignore[no-untyped-call,unused-ignore]
    assert ok(imap.thread("ORDEREDSUBJECT", "UTF-8", "ALL")) == [b"(1)(2 4)(3)"]
    data = ok(imap.fetch("2", "(UID FLAGS INTERNALDATE BODY.PEEK[TEXT])"))
    assert b"INTERNALDATE " + WHEN.encode() in data[0][0]
    assert data[0][1] == b"body of alpha\r\n"

    ok(imap.store("1:2", "+FLAGS", r"(\Flagged)"))
    ok(imap.store("2", "-FLAGS.SILENT", "($Work)"))
    ok(imap.store("3", "FLAGS", r"(\Answered)"))
    flags = [
        tuple(flag for flag in imaplib.ParseFlags(line) if flag != b"\\Recent")
        for line in ok(imap.fetch("1:4", "(FLAGS)"))
    ]
    assert flags == [
        (b"\\Flagged",),
        (b"\\Flagged", b"\\Seen"),
        (b"\\Answered",),
        (b"\\Seen", b"$Work"),
    ]

    ok(imap.copy("1,3", "Archive"))
    ok(imap.uid("MOVE", "4", "Archive"))  # type: ignore[no-untyped-call,unused-ignore]
    assert kept(correo)["Archive"] == [1, 2, 3]
    ok(imap.store("1", "+FLAGS", r"(\Deleted)"))
    assert ok(imap.expunge()) == [
        b"4",
        b"1",
    ]  # the first is what MOVE said: imaplib keeps it until it is asked
    assert kept(correo)["Prüfung/2026"] == [2, 3]
    ok(imap.store("1", "+FLAGS", r"(\Deleted)"))
    ok(imap.unselect())  # unlike CLOSE it removes nothing
    assert kept(correo)["Prüfung/2026"] == [2, 3]
    ok(imap.select(NAME))
    ok(imap.close())
    assert kept(correo)["Prüfung/2026"] == [3]

    ok(imap.rename(NAME, RENAMED))
    assert kept(correo)["Archiv & Ablage/日本"] == [3]
    assert [
        line for line in ok(imap.lsub('""', "*")) if b"2026" in line
    ] != []  # subscriptions keep the old name
    ok(imap.unsubscribe(NAME))
    ok(imap.select(RENAMED, readonly=True))
    assert imap.store("1", "+FLAGS", r"(\Seen)")[0] == "NO"
    ok(imap.unselect())
    ok(imap.delete(RENAMED))
    assert imap.select(RENAMED)[0] == "NO"
    assert "Archiv & Ablage/日本" not in kept(correo)
    assert imap.logout()[0] == "BYE"
    assert [subject(text) for text in correo.messages(ALICE, "Archive")] == ["beta", "gamma", "Re: alpha"]


def test_utf8_once_it_is_enabled(correo: Correo, imap: imaplib.IMAP4) -> None:
    ok(imap.enable("UTF8=ACCEPT"))
    ok(imap.create('"Größe/日本 ✉"'))
    message = "From: Jörg <jörg@bücher.example>\r\nSubject: Grüße\r\n\r\nText\r\n".encode()
    ok(
        imap.append('"Größe/日本 ✉"', "", "", message)
    )  # some versions of imaplib put "UTF8 (" into the message itself
    assert ok(imap.select('"Größe/日本 ✉"')) == [b"1"]
    assert ok(imap.search(None, "SUBJECT", '"grüße"')) == [b"1"]
    assert message in ok(imap.fetch("1", "(RFC822)"))[0][1]
    assert kept(correo)["Größe/日本 ✉"] == [1]
    imap.logout()


def test_quota_and_namespace(imap: imaplib.IMAP4) -> None:
    assert ok(imap.namespace())[0].startswith(b'(("" "/"))')
    (roots,), _ = ok(imap.getquotaroot("INBOX"))
    assert roots.startswith(b"INBOX")
    imap.logout()
