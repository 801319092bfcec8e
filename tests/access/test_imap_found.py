"""Messages whose octets are read together are those that would have been read one by one."""

from __future__ import annotations

from contextlib import aclosing
from pathlib import Path

import pytest
from tests.access.test_imap_session import LOGIN, dialog, house, lines

from correo import mailbox
from correo.access.imap.items.fetch import row as fetch_row
from correo.access.imap.items.fetch.row import each
from correo.access.imap.octets import Octets
from correo.access.imap.responses import PIECE
from correo.access.imap.session import ImapSession
from correo.mail.errors import Refused
from correo.net import Flush
from correo.storage.db import Tx

COUNT = 150


async def _spoil(tx: Tx) -> None:
    """Damage the fifth message, and let the ninth be gone."""
    await tx.run(
        "UPDATE mailbox_body SET data = $1 WHERE id = (SELECT content_id FROM mailbox_message WHERE uid = 5)",
        b"x",
    )
    await tx.run(
        "DELETE FROM mailbox_content WHERE id = (SELECT content_id FROM mailbox_message WHERE uid = 9)"
    )


@pytest.mark.parametrize("threaded", [False, True])
@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize("inline", [10, 2_000, 10**6])
async def test_each_is_what_it_is_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, threaded: bool, whole: bool, inline: int
) -> None:
    monkeypatch.setattr(fetch_row, "INLINE", inline)
    async with house(tmp_path, threaded=threaded) as home:
        await home.fill("INBOX", COUNT)
        db = home.services.db
        inbox = await db.read(mailbox.inbox, home.account_id)
        assert inbox
        await db.write(mailbox.copy, inbox.id, [(1, 2)], inbox.id, 0)
        rows = await db.read(mailbox.fetch_rows, inbox.id, [(1, COUNT + 2)], {"header_size"})
        expected = [await db.read(mailbox.raw, row.content_id) for row in rows]
        await db.write(_spoil)
        seen = []
        async with aclosing(each(rows, db, Octets(), whole=whole)) as messages:
            async for found in messages:
                seen.append(found.row)
                if found.row.uid in (5, 9):
                    with pytest.raises(Refused):
                        await found.raw()
                else:
                    assert await found.raw() == expected[found.row.uid - 1]
        assert seen == rows


async def test_what_is_read_at_once_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch_row, "INLINE", 1_000)
    async with house(tmp_path) as home:
        await home.fill("INBOX", COUNT)
        db = home.services.db
        read = db.read
        most: list[int] = []

        async def watched(op: object, *args: object) -> object:
            if op is mailbox.raw_many:
                assert isinstance(args[0], list)
                most.append(len(args[0]))
            return await read(op, *args)  # type: ignore[arg-type]

        monkeypatch.setattr(db, "read", watched)
        said = await dialog(home, [LOGIN, lines(f"a FETCH 1:{COUNT} BODY.PEEK[]")])
        assert not home.faults
        assert said.count(b"\r\nText ") == COUNT
        assert sum(most) == COUNT
        assert 5 < max(most) <= 10  # of about 100 octets each


async def test_short_and_long_ones_come_whole(tmp_path: Path) -> None:
    texts = [b"", b"short\r\n", b"x" * 60_000, b"y" * 70_000, b"z" * 500_000, b"last\r\n"]
    letters = [b"Subject: %d\r\n\r\n%b" % (number, text) for number, text in enumerate(texts)]
    appends = [b"p APPEND INBOX {%d+}\r\n%b\r\n" % (len(letter), letter) for letter in letters]
    async with house(tmp_path) as home:
        said = await dialog(home, [LOGIN, *appends, lines("f FETCH 1:* (BODY.PEEK[] BODY.PEEK[TEXT])")])
        assert not home.faults
    answers = [
        b"* %d FETCH (BODY[] {%d}\r\n%b BODY[TEXT] {%d}\r\n%b)\r\n"
        % (number, len(letter), letter, len(text), text)
        for number, (letter, text) in enumerate(zip(letters, texts, strict=True), 1)
    ]
    assert b"".join(answers) + b"f OK Fetched\r\n" in said


async def test_no_more_is_held_than_is_sent_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Long answers of many messages must not come together in memory."""
    sent: list[int] = []

    async def send(session: ImapSession, data: bytes, flush: Flush) -> None:
        sent.append(len(data))

    letter = b"Subject: long\r\n\r\n" + b"x" * 50_000
    async with house(tmp_path) as home:
        await dialog(home, [LOGIN, *[b"p APPEND INBOX {%d+}\r\n%b\r\n" % (len(letter), letter)] * 9])
        monkeypatch.setattr(ImapSession, "_send", send)
        await dialog(home, [LOGIN, lines("f FETCH 1:* (BINARY.PEEK[] BODY.PEEK[TEXT])")])
        assert not home.faults
    assert sum(sent) > 9 * 100_000
    assert max(sent) < 2 * PIECE
