"""Mail that Dovecot kept comes here, and mail of ours goes there: clients go on with what they have."""

from __future__ import annotations

import imaplib
import poplib
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.interop import corpus, dovecot
from tests.interop.dovecot import Client, Dovecot
from tests.interop.programs import excuse
from tests.interop.serving import ALICE, HOST, PASSWORD, Correo, give_away

PROGRAMS = ("dovecot",)
USER = ALICE.partition("@")[0]
FOLDERS = ("INBOX", "Sent", "Sent/2024", "Gr&APwA3w-e", "Work.old/Deep", "Empty")
FLAGS = ("", "\\Seen", "\\Answered \\Seen", "\\Flagged $Forwarded", "\\Draft Work", "\\Deleted work2 Junk")


@dataclass(frozen=True)
class Box:
    """What IMAP and POP3 clients keep of a mailbox."""

    uidvalidity: int
    uidnext: int
    messages: dict[int, tuple[bytes, frozenset[bytes], bytes]]  # by UID: INTERNALDATE, flags, octets


@pytest.fixture(autouse=True)
def with_pop3(installed: None) -> None:
    if not Path("/usr/lib/dovecot/pop3").exists():
        excuse("dovecot-pop3d is not installed (make test-deps)")


def boxes(port: int, folders: tuple[str, ...]) -> dict[str, Box]:
    with imaplib.IMAP4(HOST, port, timeout=20) as imap:
        imap.login(ALICE, PASSWORD)
        return {folder: box(imap, folder) for folder in folders}


def box(imap: imaplib.IMAP4, folder: str) -> Box:
    status, answer = imap.select(f'"{folder}"', readonly=True)
    assert status == "OK", (folder, answer)
    uidvalidity, uidnext = (int(imap.response(name)[1][0]) for name in ("UIDVALIDITY", "UIDNEXT"))
    messages = {}
    if answer != [b"0"]:
        _, data = imap.uid("FETCH", "1:*", "(UID FLAGS INTERNALDATE BODY.PEEK[])")
        for part in data:
            if not isinstance(part, tuple):
                continue
            head = part[0]
            uid = int(head.partition(b"UID ")[2].split(b" ")[0])
            flags = imaplib.ParseFlags(head)
            date = head.partition(b'INTERNALDATE "')[2].partition(b'"')[0]
            messages[uid] = date, frozenset(flags) - {b"\\Recent"}, part[1]
    return Box(uidvalidity, uidnext, messages)


def unique_ids(port: int) -> list[bytes]:
    pop3 = poplib.POP3(HOST, port, timeout=20)
    try:
        pop3.user(ALICE)
        pop3.pass_(PASSWORD)
        return [line.split(b" ")[1] for line in pop3.uidl()[1]]
    finally:
        pop3.quit()


def subscribed(port: int) -> set[bytes]:
    with imaplib.IMAP4(HOST, port, timeout=20) as imap:
        imap.login(ALICE, PASSWORD)
        _, data = imap.lsub('""', "*")
        return {line.rpartition(b" ")[2].strip(b'"') for line in data if isinstance(line, bytes)}


def fill(server: Dovecot, folders: tuple[str, ...]) -> None:
    """Messages of all kinds, of which some have gone again."""
    client = Client(server.imap)
    letters = list(corpus.messages())[::7]
    for folder in folders:
        client.say(f'CREATE "{folder}"')
        client.say(f'SUBSCRIBE "{folder}"')
    client.say(f'UNSUBSCRIBE "{folders[2]}"')
    for number, (_, message) in enumerate(letters):
        folder = folders[number % (len(folders) - 1)]
        date = f"{number % 28 + 1:02d}-Feb-2024 12:30:{number % 60:02d} +0000"
        client.say(f'APPEND "{folder}" ({FLAGS[number % len(FLAGS)]}) "{date}"', message)
    client.say("SELECT INBOX")
    client.say("UID STORE 2,5 +FLAGS.SILENT (\\Deleted)")
    client.say("UID EXPUNGE 2,5")
    client.say("STORE * +FLAGS.SILENT (\\Deleted)")
    client.say("EXPUNGE")
    client.close()


@pytest.fixture
def moved(tmp_path: Path) -> Iterator[Path]:
    """A place that the server's user may read."""
    folder = Path(tempfile.mkdtemp(prefix="correo-moved-"))
    yield folder
    shutil.rmtree(folder)


@pytest.mark.parametrize(
    ("layout", "crlf", "save_uidl"), [("", False, False), ("fs", True, True)], ids=["maildir++", "fs"]
)
def test_from_dovecot(correo: Correo, moved: Path, layout: str, crlf: bool, save_uidl: bool) -> None:
    """UIDs, UIDVALIDITY, flags, keywords, dates, octets, subscriptions and unique-ids are those that Dovecot told."""
    folders = FOLDERS if layout else tuple(folder.replace(".", "-") for folder in FOLDERS)
    with dovecot.running(pop3=True, crlf=crlf, layout=layout, save_uidl=save_uidl) as server:
        fill(server, folders)
        theirs = boxes(server.imap, folders)
        names = unique_ids(server.pop3)
        subscriptions = subscribed(server.imap)
        shutil.copytree(server.mail(USER), moved / "mail")
    give_away(moved)
    assert names
    assert sum(len(one.messages) for one in theirs.values()) > 50
    correo.cli("import", "maildir", str(moved / "mail"), ALICE)
    ours = boxes(correo.port("imap"), folders)
    assert {name: (one.uidvalidity, one.uidnext) for name, one in ours.items()} == {
        name: (one.uidvalidity, one.uidnext) for name, one in theirs.items()
    }
    for folder in folders:
        assert ours[folder] == theirs[folder], folder
    assert unique_ids(correo.port("pop3")) == names
    assert subscribed(correo.port("imap")) >= subscriptions


def test_a_second_run_takes_what_came_since(correo: Correo, moved: Path) -> None:
    """Some of it lay in `new` at the first run, where Dovecot had not yet looked: it gets there the UIDs that it got here."""
    with dovecot.running() as server:
        fill(server, FOLDERS[:3])
        new = server.mail(USER) / "new"
        for number in range(3):
            (new / f"170000000{number}.M1P1.host").write_bytes(b"Subject: %d\n\nHere.\n" % number)
        server.give(new)
        take(server, correo, moved / "first")
        client = Client(server.imap)
        client.say("SELECT INBOX")
        client.say("APPEND INBOX", b"Subject: later\r\n\r\nHere.\r\n")
        client.close()
        take(server, correo, moved / "second")
        theirs = boxes(server.imap, FOLDERS[:3])
    ours = boxes(correo.port("imap"), FOLDERS[:3])
    assert len(ours["INBOX"].messages) > 4
    assert {name: (box.uidvalidity, box.uidnext, set(box.messages)) for name, box in ours.items()} == {
        name: (box.uidvalidity, box.uidnext, set(box.messages)) for name, box in theirs.items()
    }


@pytest.mark.parametrize("packing", ["gz", "bz2", "zstd"])
def test_what_dovecot_compressed(correo: Correo, moved: Path, packing: str) -> None:
    with dovecot.running(packing=packing) as server:
        fill(server, FOLDERS[:3])
        theirs = boxes(server.imap, FOLDERS[:3])
        shutil.copytree(server.mail(USER), moved / "mail")
    give_away(moved)
    assert b"Subject" not in next((moved / "mail" / "cur").iterdir()).read_bytes()
    correo.cli("import", "maildir", str(moved / "mail"), ALICE)
    assert boxes(correo.port("imap"), FOLDERS[:3]) == theirs


def test_who_was_away_learns_what_he_missed(correo: Correo, moved: Path) -> None:
    """A client that knows Dovecot's HIGHESTMODSEQ hears here what was expunged and flagged there since (RFC 7162 §3.2.5)."""
    with dovecot.running() as server:
        client = Client(server.imap)
        for number in range(6):
            client.say("APPEND INBOX", b"Subject: %d\r\n\r\nHere.\r\n" % number)
        client.say("ENABLE QRESYNC")
        client.say("SELECT INBOX")
        for sign in "+-" * 100:
            client.say(f"UID STORE 1 {sign}FLAGS.SILENT (\\Flagged)")
        told = b" ".join(client.say("SELECT INBOX"))
        uidvalidity, modseq = (
            int(told.partition(b"[%b " % name)[2].partition(b"]")[0])
            for name in (b"UIDVALIDITY", b"HIGHESTMODSEQ")
        )
        client.say("UID STORE 2,5 +FLAGS.SILENT (\\Deleted)")
        client.say("EXPUNGE")
        client.say("UID STORE 3 +FLAGS.SILENT (\\Seen)")
        client.close()
        shutil.copytree(server.mail(USER), moved / "mail")
    assert modseq > 100
    give_away(moved)
    correo.cli("import", "maildir", str(moved / "mail"), ALICE)
    client = Client(correo.port("imap"))
    client.say("ENABLE QRESYNC")
    answer = client.say(f"SELECT INBOX (QRESYNC ({uidvalidity} {modseq} 1:6))")
    client.close()
    assert b"VANISHED (EARLIER) 2,5" in answer
    flags = [response for response in answer if b"UID 3 " in response]
    assert len(flags) == 1, answer
    assert b"\\Seen" in flags[0]
    (highest,) = [response for response in answer if b"HIGHESTMODSEQ" in response]
    assert int(highest.partition(b"HIGHESTMODSEQ ")[2].partition(b"]")[0]) > modseq


def take(server: Dovecot, correo: Correo, place: Path) -> None:
    """As `rsync -a` and an import."""
    shutil.copytree(server.mail(USER), place)
    give_away(place.parent)
    correo.cli("import", "maildir", str(place), ALICE)


def test_to_dovecot(correo: Correo, moved: Path) -> None:
    """What clients of ours have fetched they find there again."""
    with dovecot.running(pop3=True) as first:
        fill(first, FOLDERS[:4])
        shutil.copytree(first.mail(USER), moved / "first")
    give_away(moved)
    correo.cli("import", "maildir", str(moved / "first"), ALICE)
    with imaplib.IMAP4(HOST, correo.port("imap"), timeout=20) as imap:
        imap.login(ALICE, PASSWORD)
        for number in range(5):
            imap.append("INBOX", f"(Work new{number})", None, b"Subject: %d\r\n\r\nHere.\r\n" % number)
    folders = ("INBOX", "Sent", "Sent/2024", "Gr&APwA3w-e", "Trash")
    ours, names = boxes(correo.port("imap"), folders), unique_ids(correo.port("pop3"))
    subscriptions = subscribed(correo.port("imap"))
    correo.cli("export", "maildir", ALICE, str(moved / "out"))
    with dovecot.running(pop3=True) as server:
        shutil.copytree(moved / "out", server.mail(USER))
        server.give(server.mail(USER))
        theirs = boxes(server.imap, folders)
        for folder in folders:
            assert theirs[folder] == ours[folder], folder
        assert unique_ids(server.pop3) == names
        assert subscribed(server.imap) == subscriptions
        log = (server.folder / "log").read_text()
        assert "rror" not in log, log


def test_mbox_of_dovecot_and_back(correo: Correo, moved: Path) -> None:
    """An mbox holds what it has room for: UIDs, flags and unique-ids."""
    with dovecot.running() as server:
        client = Client(server.imap)
        for number in range(20):
            body = b"From here on\r\n>From there on\r\n\r\nFrom me Mon Nov 23 09:53:00 2026\r\n"
            letter = b"Subject: %d\r\n\r\n%b" % (number, body)
            client.say(f'APPEND INBOX ({FLAGS[number % len(FLAGS)]}) "02-Feb-2024 12:30:00 +0000"', letter)
        client.close()
        theirs = boxes(server.imap, ("INBOX",))
        shutil.copytree(server.mail(USER), moved / "mail")
    give_away(moved)
    correo.cli("import", "maildir", str(moved / "mail"), ALICE)
    correo.cli("export", "mbox", ALICE, str(moved / "mbox"))
    correo.cli("account", "add", "carol@correo.test", "--password-file", "-", stdin=PASSWORD + "\n")
    correo.cli("import", "mbox", str(moved / "mbox"), "carol@correo.test")
    with imaplib.IMAP4(HOST, correo.port("imap"), timeout=20) as imap:
        imap.login("carol@correo.test", PASSWORD)
        assert box(imap, "INBOX") == theirs["INBOX"]
