"""The mbox format, as well and as badly as it is written."""

from __future__ import annotations

import io
import os
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from correo.mail.flags import ANSWERED, DELETED, FLAGGED, SEEN, Flags
from correo.ops.importing import Found, Letter, Mboxes, Problem
from correo.ops.importing.mbox import Quoting, is_separator, messages, received
from correo.ops.importing.mbox_fields import fields_of

FROM = b"From alice@example.com Mon Nov 23 09:53:00 2026\n"
LIMIT = 10_000


def split(text: bytes, quoting: Quoting = Quoting.MBOXRD, limit: int = LIMIT) -> list[bytes]:
    return [raw.octets for raw in messages(io.BytesIO(text), limit, quoting) if not raw.too_long]


@pytest.mark.parametrize(
    "line",
    [
        FROM,
        b"From a@b  Sat Jan  3 01:05:34 1996\n",
        b"From a@b Sat Jan  3 01:05:34 1996\r\n",
        b"From foo at bar.com  Sat Jan  3 01:05:34 1996\n",
        b"From - Sat Jan  3 01:05:34 1996\n",
        b"From a@b Sat Jan  3 01:05 1996\n",
        b"From a@b Sat Jan  3 01:05:34 GMT 1996\n",
        b"From a@b Sat Jan  3 01:05:34 1996 +0100\n",
        b"From a@b Sat, Jan  3 01:05:34 +0100 1996\n",
    ],
)
def test_separators(line: bytes) -> None:
    assert is_separator(line)
    assert received(line) is not None


@pytest.mark.parametrize(
    "line",
    [
        b"From now on\n",
        b"From a@b\n",
        b">From a@b Sat Jan  3 01:05:34 1996\n",
        b"From: a@b Sat Jan  3 01:05:34 1996\n",
        b"From a@b Sat Jan  3\n",
        b"From " + b"a" * 2000 + b" Sat Jan  3 01:05:34 1996\n",
    ],
)
def test_what_separates_nothing(line: bytes) -> None:
    assert not is_separator(line)
    assert split(FROM + b"S: 1\n\nbody\n\n" + line + b"more\n") == [
        b"S: 1\n\nbody\n\n" + line.removeprefix(b">") + b"more\n"
    ]


@pytest.mark.parametrize(
    ("line", "seconds"),
    [
        (b"From a Mon Nov 23 09:53:00 2026 +0000\n", 1_795_427_580),
        (b"From a Mon Nov 23 09:53:00 2026 -0130\n", 1_795_427_580 + 5400),
        (b"From a Mon Nov 23 09:53:00 UTC 2026\n", 1_795_427_580),
        (b"From a Mon Nov 23 09:53:60 GMT 2026\n", 1_795_427_639),
    ],
)
def test_dates(line: bytes, seconds: int) -> None:
    assert received(line) == seconds * 1_000_000


@pytest.mark.parametrize(
    "date", [b"Mon Xxx 23 09:53:00 2026", b"Mon Feb 30 09:53:00 2026", b"Mon Nov 23 25:53:00 2026"]
)
def test_days_that_are_none(date: bytes) -> None:
    assert received(b"From a " + date + b" +0000\n") is None


@pytest.mark.parametrize("text", [b"", b"nothing\n", b"\n\n", b"Subject: x\n\nbody\n"])
def test_no_mbox(text: bytes) -> None:
    assert split(text) == []


def test_messages() -> None:
    one, two = b"Subject: 1\n\nfirst\n\nstill first\n", b"Subject: 2\n\n"
    assert split(FROM + one + b"\n" + FROM + two + b"\n" + FROM + b"Subject: 3\n\nno end") == [
        one,
        two,
        b"Subject: 3\n\nno end",
    ]
    assert split(b"junk\n" + FROM + one) == [one]


@pytest.mark.parametrize(
    ("quoting", "text"),
    [
        (Quoting.MBOXRD, b"S: 1\nFrom x\n\nFrom x\n>From x\n>> From x\n"),
        (Quoting.MBOXO, b"S: 1\n>From x\n\nFrom x\n>>From x\n>> From x\n"),
        (Quoting.NONE, b"S: 1\n>From x\n\n>From x\n>>From x\n>> From x\n"),
    ],
)
def test_quoting(quoting: Quoting, text: bytes) -> None:
    assert split(FROM + b"S: 1\n>From x\n\n>From x\n>>From x\n>> From x\n", quoting) == [text]


class TestContentLength:
    BODY = b"first\n\n" + FROM + b"not a second\n"

    def message(self, length: int) -> bytes:
        return b"Content-Length: %d\nS: 1\n\n" % length

    def test_the_truth_saves_what_looks_like_a_separator(self) -> None:
        head = self.message(len(self.BODY))
        text = FROM + head + self.BODY + b"\n" + FROM + b"S: 2\n\nsecond\n"
        assert split(text) == [head + self.BODY, b"S: 2\n\nsecond\n"]
        assert split(FROM + head + self.BODY) == [head + self.BODY]

    @pytest.mark.parametrize("length", [0, 1, 5, 50, 10**6, 10**11])
    def test_a_lie_damages_nothing(self, length: int) -> None:
        head = self.message(length)
        text = FROM + head + b"first\nof two\n\n" + FROM + b"S: 2\n\nsecond\n"
        assert split(text) == [head + b"first\nof two\n", b"S: 2\n\nsecond\n"]


def test_what_is_too_long_is_passed_over() -> None:
    text = (
        FROM
        + b"S: 1\n\n"
        + b"x" * 100_000
        + b"\n\n"
        + FROM
        + b"S: 2\n\nsecond\n\n"
        + FROM
        + b"S: 3\n\n"
        + b"y\n" * 9_000
    )
    found = list(messages(io.BytesIO(text), LIMIT, Quoting.MBOXRD))
    assert [raw.too_long for raw in found] == [True, False, True]
    assert found[1].octets == b"S: 2\n\nsecond\n"
    assert text[found[2].offset :].startswith(FROM + b"S: 3")
    assert all(len(raw.octets) <= 2 * LIMIT for raw in found)


def test_a_megabyte_of_separators_takes_no_time() -> None:
    text = (b"From Mon Mon Mon  " + b" " * 400 + b"Mon Jan 1 1:1\n\n") * 3_000
    start = time.process_time()
    assert split(FROM + text) == []
    assert len(split(FROM + text, limit=10_000_000)) == 1
    assert time.process_time() - start < 3


def test_a_length_that_lies() -> None:
    """It is believed where a message ends there, and costs nothing where none does."""
    second = FROM + b"S: 2\n\nsecond\n"
    for length in (0, 3, 6, 8, 20, 10**12 - 1):
        text = FROM + b"Content-Length: %d\nS: 1\n\nfirst\n\n" % length + second
        assert [raw.partition(b"\n\n")[2] for raw in split(text)] == [b"first\n", b"second\n"], length
    inside = b"a From x Mon Nov 23 09:53:00 2026\n"
    assert len(split(FROM + b"Content-Length: 2\nS: 1\n\n" + inside)) == 1
    many = (FROM + b"Content-Length: 1500000\nS: 1\n\n.\n\n") * 20_000
    start = time.process_time()
    assert len(split(many, limit=10_000_000)) == 20_000
    assert time.process_time() - start < 3


plain = st.lists(
    st.sampled_from([b"From ", b">From x", b"text", b"", b"From a Mon Nov 23 09:53:00 2026", b"\xff"]),
    max_size=6,
)


@settings(deadline=None, max_examples=150)
@given(st.lists(plain, max_size=4))
def test_what_is_quoted_comes_back(bodies: list[list[bytes]]) -> None:
    """Written as mboxrd, read as mboxrd."""
    letters = [b"S: 1\n\n" + b"".join(line + b"\n" for line in body) for body in bodies]
    written = b""
    for body in bodies:
        lines = [b">" + line if line.lstrip(b">").startswith(b"From ") else line for line in body]
        written += FROM + b"S: 1\n\n" + b"".join(line + b"\n" for line in lines) + b"\n"
    assert split(written) == letters


@settings(deadline=None, max_examples=150)
@given(
    st.lists(
        st.binary(max_size=30) | st.sampled_from([FROM, b"\n", b"\nFrom ", b"Content-Length: 9\n"]),
        max_size=9,
    )
)
def test_anything(pieces: list[bytes]) -> None:
    text = FROM + b"".join(pieces)
    found = list(messages(io.BytesIO(text), 100, Quoting.MBOXRD))
    assert sum(len(raw.octets) for raw in found) <= len(text)


def test_fields_are_read_and_taken_away() -> None:
    text = (
        b"X-IMAPbase: 1160000000 0000000099 Work\nSubject: 1\nStatus: RO\nX-Status: AF\nX-Keywords: Work\n  $Label1\n"
        b"X-UID: 17\nX-UIDL: abc\nContent-Length: 5\n\nStatus: in the body\n"
    )
    fields, octets = fields_of(text)
    assert octets == b"Subject: 1\r\n\r\nStatus: in the body\r\n"
    assert fields.flags == Flags(SEEN | ANSWERED | FLAGGED, ("$Label1", "Work"))
    assert (fields.uid, fields.uidl, fields.uidvalidity, fields.uidnext) == (17, "abc", 1160000000, 100)


def test_flags_of_thunderbird() -> None:
    """What was deleted there and not yet compacted is not given back as though it were not."""
    text = b"X-Mozilla-Status: 000d\r\nX-Mozilla-Status2: 00000000\r\nX-Mozilla-Keys: $label1 work   \r\n\r\n.\r\n"
    fields, octets = fields_of(text)
    assert fields.flags == Flags(SEEN | FLAGGED | DELETED, ("$label1", "work"))
    assert octets == text
    assert fields_of(b"Status: O\r\n" + text)[0].flags == Flags()
    assert fields_of(b"X-Mozilla-Status: x00d\n\n.\n")[0].flags == Flags()


@pytest.mark.parametrize(
    "field",
    [
        b"X-UID: x",
        b"X-UID: -1",
        b"X-UID: 99999999999",
        b"X-UIDL: a b",
        b"X-IMAPbase: 1",
        b"X-IMAPbase:",
        b"Status:",
    ],
)
def test_nonsense_in_fields(field: bytes) -> None:
    fields, octets = fields_of(field + b"\n\n.\n")
    assert octets == b"\r\n.\r\n"
    assert (fields.uid, fields.uidl, fields.uidvalidity) == (0, None, 0)


def found(path: Path) -> dict[str, list[Found | Problem]]:
    return {folder.name: list(folder.found()) for folder in Mboxes(path, Quoting.MBOXRD, LIMIT).folders()}


def octets(one: Found | Problem) -> bytes:
    assert isinstance(one, Found)
    letter = one.read()
    assert isinstance(letter, Letter)
    return letter.octets


def test_one_file_is_the_inbox(tmp_path: Path) -> None:
    path = tmp_path / "alice"
    path.write_bytes(
        FROM + b"S: 1\n\n.\n\n" + FROM + b"\n" + FROM + b"S: 1\n\n.\n\n" + FROM + b"Status: R\nS: 1\n\n.\n"
    )
    letters = found(path)["INBOX"]
    assert [str(one) for one in letters if isinstance(one, Problem)] == [f"{path} at octet 57: empty"]
    same = [one for one in letters if isinstance(one, Found)]
    assert [octets(one) for one in same] == [b"S: 1\r\n\r\n.\r\n"] * 3
    assert len({one.source for one in same}) == 3  # equal messages are as many as there are
    assert [one.source for one in found(path)["INBOX"] if isinstance(one, Found)] == [
        one.source for one in same
    ]


def test_the_message_that_is_none_says_what_the_uids_are(tmp_path: Path) -> None:
    path = tmp_path / "mbox"
    internal = b"Subject: DON'T DELETE THIS MESSAGE -- FOLDER INTERNAL DATA\nX-IMAP: 1160000000 0000000007\n\nkeep\n\n"
    path.write_bytes(FROM + internal + FROM + b"X-UID: 3\nS: 1\n\n.\n\n" + FROM + b"X-UID: 2\nS: 2\n\n.\n")
    (folder,) = Mboxes(path, Quoting.MBOXRD, LIMIT).folders()
    assert (folder.uidvalidity, folder.uidnext) == (1160000000, 8)
    assert [one.uid for one in folder.found() if isinstance(one, Found)] == [3, None]


@pytest.mark.parametrize("subject", [b"DON'T DELETE THIS MESSAGE -- FOLDER INTERNAL DATA", b"hello"])
def test_a_message_does_not_say_that_it_is_none(tmp_path: Path, subject: bytes) -> None:
    path = tmp_path / "mbox"
    letter = b"Subject: %b\nX-IMAP: 1160000000 0000000007\n\nkeep\n\n" % subject
    path.write_bytes(FROM + b"S: 1\n\n.\n\n" + FROM + letter)
    assert len(found(path)["INBOX"]) == 2
    path.write_bytes(FROM + letter + FROM + letter)
    assert len(found(path)["INBOX"]) == (2 if subject == b"hello" else 1)


def test_a_uid_that_was_not_given_is_none(tmp_path: Path) -> None:
    """Anybody may write one into his message, and with the last of all there would be none for new mail."""
    path = tmp_path / "mbox"
    text = b"X-IMAPbase: 1160000000 0000000007\nX-UID: 3\nS: 1\n\n.\n\n"
    for uid in (4294967294, 8, 7):
        text += FROM + b"X-UID: %d\nS: %d\n\n.\n\n" % (uid, uid)
    path.write_bytes(FROM + text)
    assert [one.uid for one in found(path)["INBOX"] if isinstance(one, Found)] == [3, None, None, 7]


@pytest.mark.parametrize(
    ("text", "words", "messages"),
    [
        (b"root:x:0:0\n", "no message begins in it", 0),
        (b"From me, with no date\nS: 1\n\n.\n", "no message begins in it", 0),
        (b"From me, with no date\nS: 1\n\n.\n\n" + FROM + b"S: 2\n\n.\n", "what stands before the first", 1),
        (b"\n\n" + FROM + b"S: 2\n\n.\n", "", 1),
        (b"", "", 0),
    ],
)
def test_what_is_no_message_is_said(tmp_path: Path, text: bytes, words: str, messages: int) -> None:
    path = tmp_path / "mbox"
    path.write_bytes(text)
    said = found(path)["INBOX"]
    assert [words in one.words for one in said if isinstance(one, Problem)] == [True] * bool(words)
    assert sum(isinstance(one, Found) for one in said) == messages


def test_only_plain_files_are_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "null").symlink_to("/dev/zero")
    for name in ("pipe", "null"):
        with pytest.raises(OSError, match="not a plain file"):
            Mboxes(tmp_path / name, Quoting.MBOXRD, LIMIT)
    (tmp_path / "mbox").write_bytes(FROM + b"S: 1\n\n.\n")
    (tmp_path / "link").symlink_to("mbox")
    assert len(found(tmp_path / "link")["INBOX"]) == 1
    if os.geteuid() == 0:
        os.chown(tmp_path / "link", 65534, 65534, follow_symlinks=False)
        with pytest.raises(OSError, match="somebody else than root has made"):
            Mboxes(tmp_path / "link", Quoting.MBOXRD, LIMIT)


def test_no_file_is_left_out_without_a_word(tmp_path: Path) -> None:
    path = tmp_path.joinpath(*["d"] * 34)
    path.mkdir(parents=True)
    (path / "mbox").write_bytes(FROM + b"S: 1\n\n.\n")
    source = Mboxes(tmp_path, Quoting.MBOXRD, LIMIT)
    assert list(source.folders()) == []
    assert ["deeper" in problem.words for problem in source.problems] == [True]


def test_a_tree(tmp_path: Path) -> None:
    for name in ("inbox", "Sent", "Sent.sbd/2024", "50%/x", "J&APw-rgen"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(FROM + b"S: 1\n\n.\n")
    (tmp_path / "Empty").write_bytes(b"")
    (tmp_path / "Sent.msf").write_bytes(b"")
    (tmp_path / "notes.txt").write_bytes(b"not mail\n")
    (tmp_path / ".imap").mkdir()
    (tmp_path / ".subscriptions").write_bytes(b"Sent\nSent/2024\n")
    (tmp_path / "link").symlink_to("/etc/passwd")
    source = Mboxes(tmp_path, Quoting.MBOXRD, LIMIT)
    assert sorted(folder.name for folder in source.folders()) == [
        "50_/x",
        "Empty",
        "INBOX",
        "Jürgen",
        "Sent",
        "Sent/2024",
    ]
    assert source.subscriptions() == ["Sent", "Sent/2024"]
    assert [problem.where for problem in source.problems] == [f"{tmp_path}/link"]
