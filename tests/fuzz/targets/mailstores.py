"""What other servers leave behind: mbox files, lists of UIDs and keywords, subscriptions, packed messages; and our own mbox, read back."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import mailbox
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

import zstandard
from tests.fuzz import letters
from tests.fuzz.target import Target

from correo.mail.flags import SEEN
from correo.mailbox import Mailbox, Message
from correo.ops.exporting.mbox import MboxWriter
from correo.ops.exporting.writing import Letter
from correo.ops.importing import keyword_files, mbox, subscribed, uidlists
from correo.ops.importing.exported import OURS
from correo.ops.importing.found import folder_name, folder_part, wire_form
from correo.ops.importing.mbox_fields import FIELD, fields_of
from correo.ops.importing.packed import unpacked

LIMIT = 1_000  # octets of a message
MESSAGES = 20  # that are written to one file
NOW = 1_795_427_580_000_000
MAX_UID = 1 << 32


def run(octets: bytes) -> None:
    way, rest = octets[:1], octets[1:]
    match way:
        case b"M":
            _mbox(rest)
        case b"W":
            _written(rest.split(b"\x1e", MESSAGES - 1))
        case b"L":
            _lists(rest)
        case _:
            _packed(rest)


def _mbox(octets: bytes) -> None:
    mbox.before_the_first(io.BytesIO(octets))
    for quoting in mbox.Quoting:
        at, total = -1, 0
        for raw in mbox.messages(io.BytesIO(octets), LIMIT, quoting):
            assert raw.offset > at, "a message is found twice"
            assert mbox.is_separator(octets[raw.offset :].partition(b"\n")[0] + b"\n")
            assert len(raw.octets) <= LIMIT
            at, total = raw.offset, total + len(raw.octets)
            fields, text = fields_of(raw.octets)
            assert b"\0" not in text
            assert text.count(b"\n") == text.count(b"\r\n"), "lines that are none"
            assert 0 <= fields.uid < MAX_UID * 3
        assert total <= len(octets), "more comes out than went in"


def _written(texts: list[bytes]) -> None:
    """What we write is read back alike, by ourselves and by the standard library."""
    texts = [wire_form(text) for text in texts]
    with tempfile.TemporaryDirectory(prefix="correo-fuzz-") as folder:
        writer = MboxWriter(Path(folder) / "out")
        writer.begin(Mailbox(1, 1, "INBOX", 7, len(texts) + 1, 1, 1, len(texts), 0, 0, 0, ""))
        for number, text in enumerate(texts, 1):
            message = Message(
                number,
                number,
                SEEN if number % 2 else 0,
                "$x" if number % 3 else "",
                1,
                NOW,
                0,
                NOW,
                len(text),
            )
            writer.add(Letter(message, text, None))
        writer.end()
        writer.finish([])
        path = Path(folder) / "out" / "INBOX"
        with path.open("rb") as file:
            found = [fields_of(raw.octets) for raw in mbox.messages(file, 1 << 20, mbox.Quoting.MBOXRD)]
        theirs = len(mailbox.mbox(path, create=False))
    assert len(found) == theirs == len(texts), "messages run into each other, or break in two"
    for number, ((fields, octets), text) in enumerate(zip(found, texts, strict=True), 1):
        assert fields.uid == number
        assert bool(fields.flags.bits & SEEN) is bool(number % 2)
        assert _content(octets) == _content(text), "a message is another one"


def _content(octets: bytes) -> bytes:
    """Without what an mbox cannot tell: fields that belong to the file, and how the last lines end."""
    text = re.sub(
        rb"\r+(?:\n|\Z)", b"\n", octets
    )  # lines there end in LF, and a CR before that is taken for a part of it
    if text.startswith(b"\n"):
        header, body = b"", text[1:]
    else:
        header, _, body = text.partition(b"\n\n")
    return FIELD.sub(b"", header.rstrip(b"\n") + b"\n").rstrip(b"\n") + b"\n\n" + body.rstrip(b"\n")


def _lists(octets: bytes) -> None:
    lines = [line if len(line) <= uidlists.MAX_LINE else None for line in octets.split(b"\n")]
    found = uidlists.uidlist(lines)
    uids = [entry.uid for entry in found.entries.values()]
    assert all(0 < uid < found.uidnext for uid in uids), "a UID that is not below UIDNEXT"
    assert len(uids) + found.broken <= len(lines)
    assert all(b"/" not in name for name in found.entries), "a name that leads elsewhere"
    uidlists.pop3_sizes(lines)
    assert set(keyword_files.letters(lines)) <= set("abcdefghijklmnopqrstuvwxyz")
    for name in [*subscribed.dovecot(lines, b"/", ("INBOX", "a")), *subscribed.courier(lines, ("INBOX",))]:
        assert not re.search(r"[\x00-\x1f*%]", name), "a mailbox that cannot be"
    for line in lines:
        part = folder_part(line or b"")
        assert "/" not in folder_name([part])
        OURS.fullmatch(line or b"")
        uidlists.unique_part(line or b"")


def _packed(octets: bytes) -> None:
    try:
        found = unpacked(octets, LIMIT)
    except ValueError as wrong:
        assert str(wrong).isprintable()
        return
    assert found is octets or len(found) <= LIMIT + 1, "a small file fills the memory"


def seeds() -> Iterator[bytes]:
    messages = [message for message in letters.all_kinds() if len(message) < 500]
    for at in range(0, len(messages), 9):
        yield b"W" + b"\x1e".join(messages[at : at + 3])
        bodies = (
            b"From a@b Mon Nov 23 09:53:00 2026 +0100\n" + text.replace(b"\r\n", b"\n") + b"\n"
            for text in messages[at : at + 2]
        )
        yield b"M" + b"".join(bodies)
    yield b"MFrom a Mon Nov 23 09:53:00 2026\nX-IMAP: 7 9\nX-UID: 3\nStatus: RO\nX-Status: AF\nX-Keywords: a $b\nContent-Length: 7\n\n>From x\n\nFrom b Tue, Nov  3 9:53 EST 2026\n\nx\n"
    yield b"MFrom a Mon Nov 23 09:53:00 2026\nX-Mozilla-Status: 0003\nX-Mozilla-Keys: a b\nX-UIDL: abc\n\n>>From x\n"
    yield b"W\nFrom the beginning\n\x1eSubject: x\n\n\n\x1e\x1eFrom: x\nFrom x\n"
    yield b"L3 V7 N9 Gabc\n1 W5 Pabc :1.a\n3 :2.b:2,S\n2 :broken\n"
    yield b"L1 7 9\n1 1.a\n2 2.b\n"
    yield b"L/2 9 0\n1.a 10 3:7\n2.b 5\n"
    yield b"LV\t2\n\nINBOX\tSent\na\\x01b\n0 $Label1\n25 x\nINBOX.&AOk-\n"
    text = b"Subject: x\r\n\r\n" + b"x" * 400
    for octets in (
        gzip.compress(text, mtime=0),
        bz2.compress(text),
        lzma.compress(text),
        zstandard.compress(text),
        gzip.compress(b"x" * 4_000, mtime=0),
    ):
        yield b"P" + octets
    yield b"PDovecot-LZ4\r*\x9b\xc5"


TARGET = Target(
    "mailstores",
    ("correo.ops.importing.mbox", "correo.ops.importing.mbox_fields", "correo.ops.importing.uidlists", "correo.ops.importing.keyword_files",
     "correo.ops.importing.subscribed", "correo.ops.importing.packed", "correo.ops.importing.found", "correo.ops.exporting.mbox"),
    run, seeds,
    (b"M", b"W", b"L", b"P", b"\x1e", b"From ", b">From ", b"\n\nFrom x Mon Nov 23 09:53:00 2026\n", b"Content-Length: ", b"X-UID: ", b"Status: ",
     b"X-Keywords: ", b"X-IMAPbase: 1 2\n", b"X-UIDL: ", b"3 V1 N2\n", b" :", b":2,", b"\x01t", b"\n\n", b"\r\n", b"+0100", b"EST", b"\x1f\x8b\x08"),
)  # fmt: skip
