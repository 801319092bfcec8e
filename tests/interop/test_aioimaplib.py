"""aioimaplib: a client on asyncio, which hears by IDLE what others do."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aioimaplib import IMAP4_SSL
from imap_tools import MailMessageFlags
from tests.interop.devices import plainly
from tests.interop.serving import ALICE, HOST, PASSWORD, Correo, letter, subject

NAMES = ["one", "two", "three"]
SECONDS = 60.0  # within which a push must have come


@pytest.fixture
async def client(correo: Correo, authority: Path) -> AsyncIterator[IMAP4_SSL]:
    """Logged in as alice, with three messages in the inbox, which is selected."""
    correo.deliver(*map(letter, NAMES))
    trust = ssl.create_default_context(cafile=str(authority))
    client = IMAP4_SSL(HOST, correo.port("imap", "implicit"), timeout=SECONDS, ssl_context=trust)
    closed = asyncio.Event()
    client.protocol.conn_lost_cb = lambda _: closed.set()
    await client.wait_hello_from_server()
    assert (await client.login(ALICE, PASSWORD)).result == "OK"
    assert (await client.select("INBOX")).result == "OK"
    yield client
    assert (await client.logout()).result == "OK"
    await asyncio.wait_for(closed.wait(), SECONDS)


async def pushed(client: IMAP4_SSL, *wanted: str) -> list[str]:
    """What the server says of its own accord, up to the moment when all that is wanted was said."""
    heard: list[str] = []
    while not all(any(line.startswith(one) for line in heard) for one in wanted):
        lines = await client.wait_server_push(timeout=SECONDS)
        assert isinstance(lines, list), f"the server said {lines} after {heard}, but not {wanted}"
        heard += [line.decode() for line in lines]
    return heard


async def test_idle_hears_of_all_that_others_do(correo: Correo, client: IMAP4_SSL) -> None:
    idle = await client.idle_start(timeout=10 * SECONDS)
    await asyncio.to_thread(correo.deliver, letter("four"))
    await pushed(client, "4 EXISTS")

    def flag_and_keyword() -> None:
        with plainly(correo) as box:
            box.flag("2", [MailMessageFlags.FLAGGED, "$Work"], True)

    await asyncio.to_thread(flag_and_keyword)
    (changed,) = [one for one in await pushed(client, "2 FETCH") if one.startswith("2 FETCH")]
    assert "\\Flagged" in changed
    assert "$Work" in changed

    def move_and_delete() -> None:
        with plainly(correo) as box:
            box.move("1", "Archive")
            box.delete("3")

    await asyncio.to_thread(move_and_delete)
    heard = await pushed(client, "1 EXPUNGE", "2 EXPUNGE")
    assert [line for line in heard if "EXPUNGE" in line] == ["1 EXPUNGE", "2 EXPUNGE"]
    client.idle_done()
    assert (await asyncio.wait_for(idle, SECONDS)).result == "OK"
    found = await client.uid_search("ALL")
    assert found.lines[0].split() == [b"2", b"4"]
    assert [subject(text) for text in correo.messages(ALICE, "Archive")] == ["one"]


async def test_idle_again_and_again(correo: Correo, client: IMAP4_SSL) -> None:
    """Each time a message comes while nobody idles, and one while somebody does."""
    for turn in range(5):
        await asyncio.to_thread(correo.deliver, letter(f"before {turn}"))
        idle = await client.idle_start(timeout=10 * SECONDS)
        await asyncio.to_thread(correo.deliver, letter(f"during {turn}"))
        await pushed(client, f"{5 + 2 * turn} EXISTS")
        client.idle_done()
        await asyncio.wait_for(idle, SECONDS)
    assert (await client.search("ALL")).lines[0].split()[-1] == b"13"


async def test_fetch_and_store(correo: Correo, client: IMAP4_SSL) -> None:
    answer = await client.uid("fetch", "1:*", "(UID BODY.PEEK[])")
    assert [subject(bytes(text)) for text in answer.lines if isinstance(text, bytearray)] == NAMES
    assert (await client.store("2", "+FLAGS", r"(\Answered)")).result == "OK"
    assert (await client.uid("store", "3", "+FLAGS.SILENT", r"(\Flagged)")).result == "OK"
    with plainly(correo) as box:
        found = [message.flags for message in box.fetch(mark_seen=False)]
    assert found == [(), (MailMessageFlags.ANSWERED,), (MailMessageFlags.FLAGGED,)]


async def test_folders_and_append(correo: Correo, client: IMAP4_SSL) -> None:
    assert (await client.create("Work/2026")).result == "OK"
    assert (await client.append(letter("four"), "Work/2026", flags=r"\Seen")).result == "OK"
    assert (await client.rename("Work", "Arbeit")).result == "OK"
    answer = await client.status("Arbeit/2026", "(MESSAGES UNSEEN)")
    assert b"(MESSAGES 1 UNSEEN 0)" in answer.lines[0]
    assert (await client.uid("move", "1:2", "Arbeit/2026")).result == "OK"
    assert [subject(text) for text in correo.messages(ALICE, "Arbeit/2026")] == ["four", "one", "two"]
    assert (await client.select("nothere")).result == "NO"
    await client.select("INBOX")
