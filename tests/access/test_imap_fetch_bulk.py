"""What is told of many messages in bulk is what each of them would be told alone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.access.test_imap_session import CLIENT, LOGIN, SERVER, House, dialog, house, lines

from correo import mailbox
from correo.access.imap.items.fetch import PARSERS, plan
from correo.access.imap.items.fetch.row import INLINE
from correo.mail.flags import SEEN, Flags
from correo.net.memory import MemoryStream
from correo.storage.db import Tx
from correo.wire.imap.fetch import fetch_items
from correo.wire.imap.grammar import Arguments

HEADER = b"Subject: %d\r\nX%%d: 1\r\n\r\n"
MESSAGES = [
    HEADER % 1 + b"one\r\n",
    HEADER % 2,
    b"Subject: \0\r\n\r\nthree\r\n",
    HEADER % 4 + b"fo\0r\r\n",
    HEADER % 5 + b"large\r\n" * (INLINE // 7 + 1),
    b"\r\nsix\r\n",
    *(HEADER % number + b"long enough to be packed %d\r\n" % number * 400 for number in range(7, 90)),
]


@pytest.fixture
async def home(tmp_path: Path) -> AsyncIterator[House]:
    async with house(tmp_path) as home:
        services, now = home.services, home.services.clock.now()

        async def put(tx: Tx) -> None:
            box = await mailbox.find(tx, home.account_id, "INBOX")
            assert box is not None
            for number, message in enumerate(MESSAGES, 1):
                one = mailbox.prepare(message)
                await mailbox.store(tx, one, number, now)
                flags = Flags(SEEN if number % 2 else 0, () if number % 3 else ("urgent",))
                await mailbox.append(
                    tx, box.id, content_id=number, size=one.size, flags=flags, received=now, now=now
                )

        await services.db.bulk(put)
        yield home
        assert not home.faults


def _header(message: bytes) -> bytes:
    return message[: message.find(b"\r\n\r\n") + 4] if not message.startswith(b"\r\n") else b"\r\n"


def _subject(message: bytes) -> bytes:
    return b"".join(line + b"\r\n" for line in _header(message).split(b"\r\n") if line[:1] == b"S") + b"\r\n"


def _odd(message: bytes) -> bytes:
    return b"X%d: 1\r\n\r\n" if b"X%d" in message else b"\r\n"


SECTIONS = {
    "BODY[]": lambda message: message,
    "BODY[HEADER]": _header,
    "BODY[TEXT]": lambda message: message.removeprefix(_header(message)),
    "BODY[HEADER.FIELDS (Subject)]": _subject,
    'BODY[HEADER.FIELDS ("X%d")]': _odd,
}


@pytest.mark.parametrize("label", SECTIONS)
@pytest.mark.parametrize("named", ["1:*", "2,4:6,50,60:70"])
async def test_whole_sections_of_many(home: House, label: str, named: str) -> None:
    asked = label.replace("BODY[", "BODY.PEEK[")
    said = await dialog(home, [LOGIN, lines(f"c FETCH {named} (FLAGS {asked} UID)")])
    numbers = range(1, 90) if named == "1:*" else [2, 4, 5, 6, 50, *range(60, 71)]
    expected = b""
    for number in numbers:
        octets = SECTIONS[label](MESSAGES[number - 1]).replace(b"\0", b"\x80")
        flags = b" ".join([b"\\Seen"] * (number % 2) + [b"\\Recent"] + [b"urgent"] * (number % 3 == 0))
        expected += b"* %d FETCH (FLAGS (%b) UID %d %b {%d}\r\n%b)\r\n" % (
            number,
            flags,
            number,
            label.encode(),
            len(octets),
            octets,
        )
    assert expected + b"c OK Fetched\r\n" in said


async def test_those_that_are_gone_are_left_out(home: House) -> None:
    async def remove(tx: Tx) -> None:
        box = await mailbox.find(tx, home.account_id, "INBOX")
        assert box is not None
        await mailbox.expunge(tx, box.id, [(2, 80)], home.services.clock.now(), only_deleted=False)

    near, far = MemoryStream.pair(CLIENT, SERVER)
    serving = asyncio.get_running_loop().create_task(home.serve(far))

    async def hear(end: bytes) -> bytes:
        said = b""
        while end not in said:
            data = await asyncio.wait_for(near.read(None), 20)
            assert isinstance(data, bytes)
            assert data
            said += data
        return said

    near.write(LOGIN)
    await hear(b"\r\nb OK")
    await home.services.db.write(remove)
    near.write(lines("c FETCH 1,6:8,81 (UID BODY.PEEK[TEXT])", "d LOGOUT"))
    said = await hear(b"\r\nd OK")
    await asyncio.wait_for(serving, 20)
    assert said.startswith(b"* 1 FETCH (UID 1 BODY[TEXT] {5}\r\none\r\n)\r\n* 81 FETCH (UID 81 ")
    assert b"\r\nc NO [EXPUNGEISSUED] " in said


async def test_with_uids_alone(home: House) -> None:
    sent = lines("b ENABLE UIDONLY", "d UID FETCH 1,3,5 BODY.PEEK[TEXT]")
    said = await dialog(home, [LOGIN, sent])
    assert (
        b"* 1 UIDFETCH (BODY[TEXT] {5}\r\none\r\n)\r\n* 3 UIDFETCH (BODY[TEXT] {7}\r\nthree\r\n)\r\n" in said
    )
    assert b"* 5 UIDFETCH (BODY[TEXT] {" in said


@pytest.mark.parametrize(
    ("items", "in_bulk"),
    [
        ("(UID FLAGS)", True),
        ("(UID BODY.PEEK[])", True),
        ("RFC822.HEADER", True),
        ("BODY.PEEK[]<0.5>", False),
        ("BODY.PEEK[1]", False),
        ("(BODY.PEEK[] BODY.PEEK[HEADER])", False),
        ("(BODY.PEEK[] PREVIEW)", False),
        ("BINARY.PEEK[1]", False),
    ],
)
def test_what_is_told_in_bulk(items: str, in_bulk: bool) -> None:
    asked = fetch_items(Arguments(items.encode()), PARSERS)
    assert plan(asked, uid=False).in_bulk is in_bulk


def _flagged(number: int, *, flagged: bool) -> bytes:
    """The flags that message `number` has; keywords come after what the system knows."""
    flags = [b"\\Flagged"] * flagged + [b"\\Seen"] * (number % 2)
    return b" ".join([*flags, b"\\Recent"] + [b"urgent"] * (number % 3 == 0))


async def test_flags_of_many_are_told_as_they_are_then(home: House) -> None:
    sent = lines("c STORE 1:* +FLAGS (\\Flagged)", "d STORE 2:80 -FLAGS (\\Flagged)")
    said = await dialog(home, [LOGIN, sent])
    first = b"".join(
        b"* %d FETCH (FLAGS (%b))\r\n" % (number, _flagged(number, flagged=True)) for number in range(1, 90)
    )
    then = b"".join(
        b"* %d FETCH (FLAGS (%b))\r\n" % (number, _flagged(number, flagged=False)) for number in range(2, 81)
    )
    assert first + b"c OK Stored\r\n" + then + b"d OK Stored\r\n" in said


@pytest.mark.parametrize(
    ("enabled", "form"),
    [
        ("CONDSTORE", b"* 1 FETCH (UID 1 FLAGS (%b) MODSEQ ("),
        ("UIDONLY", b"* 1 UIDFETCH (FLAGS (%b))\r\n"),
        ("METADATA", b"* 1 FETCH (UID 1 FLAGS (%b))\r\n"),
    ],
)
async def test_flags_are_told_in_the_form_that_is_enabled(home: House, enabled: str, form: bytes) -> None:
    sent = lines(f"b ENABLE {enabled}", "c UID STORE 1:5 +FLAGS (\\Flagged)")
    said = await dialog(home, [LOGIN, sent])
    assert form % _flagged(1, flagged=True) in said
    assert said.count(b"FLAGS (\\Flagged ") == 5
    assert b"c OK Stored\r\n" in said


async def test_counters_follow_the_flags_of_many(home: House) -> None:
    status = "STATUS INBOX (UNSEEN DELETED)"
    sent = lines(
        "b STORE 10:50 +FLAGS.SILENT (\\Seen \\Deleted)", f"c {status}", "d STORE 1:* FLAGS.SILENT ()"
    )
    said = await dialog(home, [LOGIN, sent, lines(f"e {status}")])
    assert b"* STATUS INBOX (UNSEEN 23 DELETED 41)\r\n" in said
    assert b"* STATUS INBOX (UNSEEN 89 DELETED 0)\r\n" in said
