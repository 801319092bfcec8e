"""What clients cost that nobody knows, or that leave in the middle."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs
from tests.access.test_imap_session import CLIENT, LOGIN, SERVER, House, dialog, house, lines

from correo import mailbox
from correo.access.imap.commands.fetch import MARKED_AHEAD
from correo.access.imap.commands.id_ import MAX_LOGGED
from correo.accounts.login import SHOWN_LOGIN
from correo.mail.flags import Flags
from correo.net import Woken
from correo.net.memory import MemoryStream
from correo.storage.db import Tx


@pytest.fixture
async def home(tmp_path: Path) -> AsyncIterator[House]:
    async with house(tmp_path) as home:
        yield home


async def test_id_writes_to_the_log_once_and_not_much(home: House) -> None:
    long = "x" * 1000
    say = f'ID ("NAME" "{long}" "version" NIL "address" "{long}" "x" "{long}")'
    with capture_logs() as logged:
        await dialog(home, [lines("a ID NIL", f"b {say}", f"c {say}")])
    (entry,) = [entry for entry in logged if entry["event"] == "client"]
    assert entry["fields"] == {"name": "x" * MAX_LOGGED}


async def test_a_login_name_does_not_fill_the_log(home: House) -> None:
    with capture_logs() as logged:
        said = await dialog(home, [lines(f"a LOGIN {'x' * 60_000} y")])
    (entry,) = [entry for entry in logged if entry["event"] == "authentication failed"]
    assert entry["login"] == "x" * SHOWN_LOGIN
    assert b"a NO [AUTHENTICATIONFAILED]" in said


async def test_a_client_that_leaves_has_not_read_what_was_not_sent(home: House) -> None:
    """Messages are marked \\Seen a little ahead of their octets, never a whole slice of them."""
    count, size = 20, MARKED_AHEAD // 2
    services = home.services
    raw = b"Subject: large\r\n\r\n" + b"0123456789abcdef" * (size // 16)

    async def put(tx: Tx) -> None:
        box = await mailbox.find(tx, home.account_id, "INBOX")
        assert box is not None
        await mailbox.store(tx, mailbox.prepare(raw), 1, 0)
        for _ in range(count):
            await mailbox.append(
                tx, box.id, content_id=1, size=len(raw), flags=Flags(), received=0, now=services.clock.now()
            )

    await services.db.write(put)
    near, far = MemoryStream.pair(CLIENT, SERVER)
    task = asyncio.get_running_loop().create_task(home.serve(far))
    near.write(LOGIN + lines("c FETCH 1:* BODY[]"))
    said = b""
    while b"* 2 FETCH" not in said:
        data = await near.read(5)
        assert not isinstance(data, Woken)
        said += data
    near.abort()
    await asyncio.wait_for(task, 20)
    box = await services.db.read(mailbox.find, home.account_id, "INBOX")
    assert box is not None
    assert count - 8 <= box.unseen < count
    assert not home.faults
