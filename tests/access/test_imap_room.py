"""Long messages that are being read take memory, of which there is so much for all readers together."""

from __future__ import annotations

import asyncio

import pytest
from tests.journeys.client import Imap
from tests.journeys.in_place import InPlace
from tests.journeys.server import Server
from tests.journeys.town import Town, live

from correo.net.limits import READING

WHO = "alice@here.example"
FETCH = "FETCH 1 BODY.PEEK[]"


async def stalled(server: Server) -> Imap:
    """Somebody who asks for the message and does not read it."""
    client = await server.imap(WHO)
    await client.ask("SELECT INBOX")
    client.say(f"f {FETCH}")
    await asyncio.sleep(1)
    return client


async def house(town: Town, size: int) -> Server:
    """Where somebody has one long message. What would take long in a thread is done at once, for virtual time does not wait for it."""
    asyncio.get_running_loop().set_default_executor(InPlace(1))
    server = await town.server("mail.here.example", "here.example", "alice")
    await server.receive("carol@far.example", [WHO], b"Subject: long\r\n\r\n" + b"x\r\n" * (size // 3))
    return server


@live
async def test_whoever_finds_no_memory_waits_until_others_are_done(town: Town) -> None:
    server = await house(town, 600_000)
    server.budget.limit = 2_000_000
    first, second = await stalled(server), await server.imap(WHO)
    assert server.budget.used > 600_000
    await second.ask("SELECT INBOX")
    waiting = asyncio.ensure_future(second.ask(FETCH))
    await asyncio.sleep(10)
    assert not waiting.done()
    await first.close()
    assert len("".join(await waiting)) > 600_000


@live
async def test_what_does_not_come_in_time_is_unavailable(town: Town) -> None:
    server = await house(town, 600_000)
    server.budget.limit = 2_000_000
    first, second = await stalled(server), await server.imap(WHO)
    await second.ask("SELECT INBOX")
    with pytest.raises(AssertionError, match="UNAVAILABLE"):
        await second.ask(FETCH)
    await first.close()


@live
async def test_mail_still_comes_in_when_readers_have_all_that_they_may(town: Town) -> None:
    server = await house(town, 600_000)
    server.budget.limit = 2_000_000
    first = await stalled(server)
    assert not server.budget.take(600_000, READING)
    assert (await server.receive("carol@far.example", [WHO])).code == 250
    await first.close()


@live
async def test_what_is_longer_than_all_may_have_fits_alone(town: Town) -> None:
    server = await house(town, 600_000)
    server.budget.limit = 1_000_000
    client = await server.imap(WHO)
    await client.ask("SELECT INBOX")
    assert len("".join(await client.ask(FETCH))) > 600_000


@live
async def test_many_messages_are_held_one_at_a_time(town: Town) -> None:
    server = await house(town, 600_000)
    for _ in range(3):
        await server.receive("carol@far.example", [WHO], b"Subject: long\r\n\r\n" + b"x\r\n" * 200_000)
    server.budget.limit = 2_000_000
    client = await server.imap(WHO)
    await client.ask("SELECT INBOX")
    assert len("".join(await client.ask("FETCH 1:* BODY.PEEK[]"))) > 2_400_000
