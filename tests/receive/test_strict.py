"""Clients that do not wait are hung up on, where the operator is strict."""

from __future__ import annotations

import asyncio
import ssl

import pytest
from tests.receive.test_receive_session import BEGIN, CLIENT, House, house

from correo.net import Peer, Woken
from correo.net.drive import Stopping, Terms, drive
from correo.net.memory import MemoryStream
from correo.receive.conversation import Note

__all__ = ["house"]  # the fixture

WAIT = "421 4.7.0 Wait for the answer"


@pytest.mark.parametrize(
    ("ahead", "last"),
    [
        (b"EHLO x\r\nMAIL FROM:<a@example.net>\r\n", WAIT),
        (
            b"HELO x\r\nMAIL FROM:<a@example.net>\r\n",
            "250 mail.example.org",
        ),  # HELO itself may not be followed either
        (BEGIN[:-6] + b"DATA\r\nSubject: too soon\r\n", WAIT),
    ],
)
async def test_commands_sent_ahead(ahead: bytes, last: str, house: House) -> None:
    dialog = house.dialog(strict=True)
    await dialog.begin()
    said = await dialog.say(ahead)
    assert said[-1] == WAIT
    assert dialog.session.core.closed
    assert dialog.session.talk.notes == {Note.RUSHED}


async def test_without_extensions_nothing_may_be_sent_ahead(house: House) -> None:
    dialog = house.dialog(strict=True)
    await dialog.begin()
    await dialog.say(b"HELO x\r\n")
    assert await dialog.say(b"MAIL FROM:<a@example.net>\r\nRCPT TO:<alice@example.org>\r\n") == [WAIT]


async def test_who_keeps_to_pipelining_is_served(house: House) -> None:
    dialog = house.dialog(strict=True)
    await dialog.begin()
    await dialog.say(b"EHLO x\r\n")
    envelope = b"MAIL FROM:<a@example.net>\r\nRCPT TO:<alice@example.org>\r\n"
    assert (await dialog.say(envelope + b"DATA\r\n"))[-1].startswith("354")
    said = await dialog.say(
        b"Subject: x\r\n\r\n.\r\nRSET\r\n" + envelope + b"BDAT 4\r\na: bBDAT 2 LAST\r\n\r\nQUIT\r\n"
    )
    assert [line[:3] for line in said] == ["250"] * 6 + ["221"]


async def test_it_is_only_noted_where_the_operator_is_not_strict(house: House) -> None:
    dialog = house.dialog()
    await dialog.begin()
    assert (await dialog.say(b"EHLO x\r\nMAIL FROM:<a@example.net>\r\n"))[-1].startswith("250")
    assert dialog.session.talk.notes == {Note.RUSHED}


async def overheard(
    house: House, *, strict: bool, early: bytes, pause: float = 0.05
) -> tuple[list[str], set[Note]]:
    near, far = MemoryStream.pair(CLIENT, Peer("192.0.2.9", 25))
    session = house.dialog(strict=strict).session
    terms = Terms(lambda: ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), Stopping(), str, pause)
    near.write(early)
    task = asyncio.ensure_future(drive(far, session, terms))
    heard = b""
    while b"\r\n" not in heard:
        data = await near.read(5)
        assert not isinstance(data, Woken)
        heard += data
    near.write(b"QUIT\r\n")
    while data := await near.read(5):
        assert not isinstance(data, Woken)
        heard += data
    await task
    return heard.decode().splitlines(), session.talk.notes


async def test_who_speaks_before_the_greeting_is_hung_up_on(house: House) -> None:
    said, notes = await overheard(house, strict=True, early=b"EHLO x\r\n")
    assert said == ["421 4.7.0 Wait for the greeting"]
    assert notes == {Note.EARLY}


async def test_who_waits_is_greeted(house: House) -> None:
    said, notes = await overheard(house, strict=True, early=b"")
    assert [line[:3] for line in said] == ["220", "221"]
    assert notes == set()


async def test_who_does_not_wait_is_noted_at_least(house: House) -> None:
    said, notes = await overheard(house, strict=False, early=b"NOOP\r\n", pause=60.0)
    assert [line[:3] for line in said] == ["220", "250", "221"]
    assert Note.EARLY in notes
