"""Messages that are read ahead are those that would have been read."""

from __future__ import annotations

from contextlib import aclosing
from pathlib import Path

import pytest
from tests.access.test_imap_session import house

from correo import mailbox
from correo.access.imap import ahead
from correo.access.imap.octets import Octets
from correo.mail.errors import Refused
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
@pytest.mark.parametrize("count", [3, COUNT])
async def test_each_is_what_it_is_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, threaded: bool, whole: bool, count: int
) -> None:
    monkeypatch.setattr(ahead, "AHEAD", 2_000)
    async with house(tmp_path, threaded=threaded) as home:
        await home.fill("INBOX", COUNT)
        db = home.services.db
        inbox = await db.read(mailbox.inbox, home.account_id)
        assert inbox
        rows = await db.read(mailbox.fetch_rows, inbox.id, [(1, count)], {"header_size"})
        expected = [await db.read(mailbox.raw, row.content_id) for row in rows]
        await db.write(_spoil)
        seen = []
        async with aclosing(ahead.read_ahead(db, Octets(), rows, ahead=whole)) as coming:
            async for found in coming:
                seen.append(found.row)
                if found.row.uid in (5, 9):
                    with pytest.raises(Refused):
                        await found.raw()
                else:
                    assert await found.raw() == expected[found.row.uid - 1]
        assert seen == rows


async def test_whoever_leaves_leaves_nothing_behind(tmp_path: Path) -> None:
    async with house(tmp_path, threaded=True) as home:
        await home.fill("INBOX", COUNT)
        db = home.services.db
        inbox = await db.read(mailbox.inbox, home.account_id)
        assert inbox
        rows = await db.read(mailbox.fetch_rows, inbox.id, [(1, COUNT)], {"header_size"})
        async with aclosing(ahead.read_ahead(db, Octets(), rows, ahead=True)) as coming:
            async for _ in coming:
                break
    assert not home.faults
