from __future__ import annotations

import email
import email.policy
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from correo import ledger, mailbox, queue
from correo.accounts import add_account, add_alias, add_domain, remove_account
from correo.accounts.credentials import Credentials
from correo.clock.virtual import START, SeededChance
from correo.delivery.bounce import Returned, bounce, warn
from correo.mail.address import Address
from correo.mail.dsn import Affected
from correo.mail.instant import DAY, HOUR
from correo.mail.status import Status
from correo.queue import QueuedMessage, Selection
from correo.storage.db import Tx
from correo.storage.db.sqlite import Sqlite

ANA = Address.parse("ana@here.example")
ACCOUNT, CONTENT = 5, 6
RAW = b"Return-Path: <ana@here.example>\r\nSubject: =?utf-8?q?caf=C3=A9?=\r\nMessage-ID: <1@here.example>\r\n\r\nbody\r\n"
BOB = Affected(
    Address.parse("bob@there.example"), "", Status(550, "5.1.1", "who?"), "mx.there.example", START
)


class Place:
    def __init__(self, db: Sqlite) -> None:
        self.db = db
        self.chance = SeededChance(3)

    async def send(self, sender: str, *, late: bool = False, content: int = CONTENT) -> Returned | None:
        message = QueuedMessage(
            9, sender, content, 33, 100, "7BIT", False, 0, START - HOUR, START + 4 * DAY, START
        )
        told: dict[str, Any] = {
            "hostname": "mail.here.example",
            "lifetime": 5 * DAY,
            "chance": self.chance,
            "now": START,
        }
        if late:
            return await self.db.write(warn, message, [BOB], retry_until=message.expires, **told)
        return await self.db.write(bounce, message, [BOB], **told)

    async def inbox(self) -> list[bytes]:
        return await self.db.read(_inbox)


async def _inbox(tx: Tx) -> list[bytes]:
    inbox = await mailbox.inbox(tx, ACCOUNT)
    assert inbox
    return [await mailbox.raw(tx, one.content_id) for one in await mailbox.messages(tx, inbox.id)]


async def _prepare(tx: Tx, chance: SeededChance) -> None:
    await add_domain(tx, "here.example", START)
    await add_account(tx, id=ACCOUNT, address=ANA, credentials=Credentials("", ""), now=START)
    await mailbox.open_account(tx, ACCOUNT, chance, START)
    await mailbox.store(tx, mailbox.prepare(RAW), CONTENT, START)


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    db = await Sqlite.open(tmp_path / "correo.db", now=START, threaded=False)
    place = Place(db)
    await db.write(_prepare, place.chance)
    yield place
    await db.close()


async def test_a_local_sender_finds_the_notice_in_his_inbox(place: Place) -> None:
    returned = await place.send("ana@here.example")
    assert returned
    assert returned.accepted.accounts == {ACCOUNT}
    (notice,) = await place.inbox()
    message = email.message_from_bytes(notice, policy=email.policy.default)
    assert message["Return-Path"] == "<>"
    assert message["Subject"] == "Could not be delivered: caf\u00e9"
    assert message["In-Reply-To"] == "<1@here.example>"
    assert message["Message-ID"] == f"<{ledger.show_id(returned.id)}@mail.here.example>"
    assert b"Return-Path: <ana" not in notice
    assert b"bob@there.example" in notice


async def test_the_notice_has_a_journey_of_its_own(place: Place) -> None:
    returned = await place.send("ana@here.example")
    assert returned
    (journey,) = await place.db.read(ledger.trace, ledger.show_id(returned.id), 1)
    assert (journey.protocol, journey.sender) == ("bounce", "")
    assert [entry.event.value for entry in journey.entries] == ["accepted", "delivered"]


async def test_a_sender_elsewhere_gets_it_by_the_queue(place: Place) -> None:
    returned = await place.send("max@elsewhere.example")
    assert returned
    assert returned.accepted.queued == 1
    (waiting,) = await place.db.read(queue.list_recipients, Selection())
    message = waiting.message
    assert (message.id, message.sender, message.body, message.utf8) == (returned.id, "", "7BIT", False)
    assert (message.expires, message.warn_at) == (START + 5 * DAY, 0)
    raw = await place.db.read(mailbox.raw, message.content_id)
    assert raw[message.skip :].startswith(b"From: Mail Delivery System")
    assert len(raw) - message.skip == message.size


async def test_a_sender_beyond_ascii_needs_smtputf8(place: Place) -> None:
    await place.send("m\u00e1x@elsewhere.example")
    (waiting,) = await place.db.read(queue.list_recipients, Selection())
    assert (waiting.message.body, waiting.message.utf8) == ("8BITMIME", True)


@pytest.mark.parametrize("late", [False, True])
async def test_nobody_is_told_where_there_is_no_sender(place: Place, late: bool) -> None:
    assert await place.send("", late=late) is None
    assert await place.inbox() == []


async def test_a_sender_who_has_gone_is_told_nothing_and_that_is_on_record(place: Place) -> None:
    await place.db.write(remove_account, "ana@here.example")
    returned = await place.send("ana@here.example")
    assert returned
    assert returned.accepted.discarded == 1


async def test_a_notice_to_an_alias_that_leads_too_far_is_on_record_too(place: Place) -> None:
    """A refusal here would be met again at each attempt to settle, for ever."""
    steps = [f"step{number}@here.example" for number in range(30)]
    for name, target in zip(steps, [*steps[1:], "ana@here.example"], strict=True):
        await place.db.write(add_alias, name, [target], START)
    returned = await place.send(steps[0])
    assert returned
    assert returned.accepted.discarded == 1
    assert await place.inbox() == []


async def test_a_warning_says_until_when(place: Place) -> None:
    await place.send("ana@here.example", late=True)
    (notice,) = await place.inbox()
    assert b"Action: delayed\r\n" in notice
    assert b"Will-Retry-Until: Mon, 5 Jan 2026 00:00:00 +0000\r\n" in notice


async def test_content_that_is_gone_does_not_keep_the_sender_in_the_dark(place: Place) -> None:
    await place.send("ana@here.example", content=77)
    (notice,) = await place.inbox()
    assert b"Subject: Could not be delivered\r\n" in notice


async def test_a_notice_is_let_into_a_mailbox_that_is_full(place: Place) -> None:
    await place.db.write(mailbox.set_limits, ACCOUNT, messages=0, size=1, mailboxes=None)
    returned = await place.send("ana@here.example")
    assert returned
    assert returned.accepted.accounts == {ACCOUNT}
    assert len(await place.inbox()) == 1
