"""Journeys and the balance."""

from __future__ import annotations

from collections.abc import AsyncIterator
from itertools import count
from pathlib import Path

import pytest

from correo import ledger, queue
from correo.ledger import Balance, Event
from correo.ledger.entries import DELTA, MAX_TEXT
from correo.ledger.trace import BY_ACCOUNT, BY_HEADER, BY_RECIPIENT, BY_SENDER, BY_TAG
from correo.storage.db import Row, Tx
from correo.storage.db.sqlite import Sqlite

NOW = 1_767_225_600_000_000


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[Sqlite]:
    database = await Sqlite.open(tmp_path / "correo.db", now=NOW, threaded=False)
    yield database
    await database.close()


class Book:
    """Writes entries with ids that count up."""

    def __init__(self, db: Sqlite) -> None:
        self._db = db
        self._ids = count(1)

    async def open(self, id: int, sender: str = "", message_id: str = "", subject: str = "") -> None:
        await self._db.write(
            ledger.open_message,
            id=id,
            at=NOW,
            protocol="smtp",
            source="192.0.2.1",
            account="",
            sender=sender,
            message_id=message_id,
            subject=subject,
            size=1000,
        )

    async def note(self, id: int, recipient: str, event: Event, detail: str = "", targets: int = 1) -> None:
        entry = next(self._ids)
        await self._db.write(
            ledger.record,
            id,
            id=entry,
            at=NOW + entry,
            recipient=recipient,
            event=event,
            host="mx",
            detail=detail,
            targets=targets,
        )


@pytest.fixture
def book(db: Sqlite) -> Book:
    return Book(db)


async def traced(db: Sqlite, query: str, limit: int = 10) -> list[int]:
    return [journey.id for journey in await db.read(ledger.trace, query, limit)]


async def test_a_journey_in_order(db: Sqlite, book: Book) -> None:
    await book.open(70, "a@example.org", "<1@example.org>", "hello")
    for event in (Event.ACCEPTED, Event.DEFERRED, Event.WARNED, Event.HELD, Event.RELEASED, Event.RELAYED):
        await book.note(70, "b@example.net", event, event.value)
    journeys = await db.read(ledger.trace, "<1@example.org>", 10)
    assert len(journeys) == 1
    journey = journeys[0]
    assert (journey.id, journey.sender, journey.subject, journey.size) == (70, "a@example.org", "hello", 1000)
    assert (journey.protocol, journey.source, journey.message_id) == ("smtp", "192.0.2.1", "<1@example.org>")
    assert [entry.event.value for entry in journey.entries] == [entry.detail for entry in journey.entries]
    assert [entry.delta for entry in journey.entries] == [1, 0, 0, 0, 0, -1]
    assert journey.entries[0] == ledger.Entry(
        1, NOW + 1, "b@example.net", Event.ACCEPTED, 1, "mx", "accepted"
    )
    assert journey.pending == 0


async def test_journeys_are_found_by_what_people_have(db: Sqlite, book: Book) -> None:
    await book.open(70, "a@example.org", "<1@example.org>")
    await book.note(70, "sales@example.net", Event.ACCEPTED)
    await book.note(70, "sales@example.net", Event.EXPANDED, targets=2)
    await book.note(70, "bob@example.net", Event.DELIVERED)
    await book.open(71, "bob@example.net", "unbracketed@example.net")
    await book.note(71, "a@example.org", Event.ACCEPTED)
    await book.open(72, "", "<no-at-sign>")
    assert await traced(db, ledger.show_id(70)) == [70]
    assert await traced(db, f" {ledger.show_id(71).upper()} ") == [71]
    assert await traced(db, "<1@example.org>") == await traced(db, "1@example.org") == [70]
    assert await traced(db, "unbracketed@example.net") == [71]
    assert await traced(db, "no-at-sign") == await traced(db, "<no-at-sign>") == [72]
    assert await traced(db, "a@example.org") == await traced(db, "A@Example.ORG") == [71, 70]
    assert await traced(db, "bob@example.net") == [71, 70]
    assert await traced(db, "sales@example.net") == [70]
    assert await traced(db, "bob@example.net", 1) == [71]
    for nothing in ("", "nobody@example.net", "not an address @", "zzzz", "?", "<>", "@"):
        assert await traced(db, nothing) == []


async def test_the_null_sender_is_not_a_name(db: Sqlite, book: Book) -> None:
    await book.open(70, "", "")
    assert await traced(db, "") == []
    assert await traced(db, ledger.show_id(70)) == [70]


async def test_what_strangers_wrote_is_cut(db: Sqlite, book: Book) -> None:
    await book.open(70, "a@example.org", "<1@example.org>", "s" * (MAX_TEXT + 1))
    await book.note(70, "b@example.net", Event.BOUNCED, "d" * (MAX_TEXT + 1))
    journey = (await db.read(ledger.trace, "a@example.org", 1))[0]
    assert (len(journey.subject), len(journey.entries[0].detail)) == (MAX_TEXT, MAX_TEXT)


async def test_the_balance_of_every_way_to_end(db: Sqlite, book: Book) -> None:
    assert await db.read(ledger.balance) == Balance(0, 0, 0, 0, 0, 0, 0, 0)
    await book.open(70)
    for event in (Event.DELIVERED, Event.RELAYED, Event.BOUNCED, Event.DISCARDED, Event.DEFERRED):
        await book.note(70, f"{event.value}@example.net", Event.ACCEPTED)
        await book.note(70, f"{event.value}@example.net", event)
    # Four are at an end, and the one that was deferred is in nobody's queue: a loss, and the balance says so.
    assert await db.read(ledger.balance) == Balance(5, 1, 1, 1, 1, 1, 0, 1)
    recipient = queue.NewRecipient(9, "deferred@example.net", "deferred@example.net", "example.net")
    await db.write(queue.enqueue, QUEUED, [recipient], NOW)
    assert await db.read(ledger.balance) == Balance(5, 1, 1, 1, 1, 1, 1, 0)


async def test_the_balance_of_aliases(db: Sqlite, book: Book) -> None:
    await book.open(70)
    for targets in (0, 1, 3):
        alias = f"alias{targets}@example.net"
        await book.note(70, alias, Event.ACCEPTED)
        await book.note(70, alias, Event.EXPANDED, targets=targets)
        for number in range(targets):
            await book.note(70, f"target{number}@example.net", Event.DELIVERED)
    assert await db.read(ledger.balance) == Balance(4, 4, 0, 0, 0, 0, 0, 0)


def test_every_event_has_a_delta() -> None:
    assert set(DELTA) == set(Event)
    ends = {Event.EXPANDED, Event.DELIVERED, Event.RELAYED, Event.BOUNCED, Event.DISCARDED}
    assert {event for event, delta in DELTA.items() if delta < 0} == ends


async def plan(tx: Tx, statement: str) -> list[Row]:
    return await tx.all("EXPLAIN QUERY PLAN " + statement, 0, 10**18, 10, "a")


@pytest.mark.parametrize("statement", [BY_ACCOUNT, BY_HEADER, BY_SENDER, BY_RECIPIENT])
async def test_a_trace_reads_the_end_of_one_index(db: Sqlite, statement: str) -> None:
    steps = [row[3] for row in await db.read(plan, statement)]
    assert len(steps) == 1
    assert "USING COVERING INDEX" in steps[0]


async def test_mail_to_a_tag_is_found_by_an_index(db: Sqlite) -> None:
    async def look(tx: Tx) -> list[Row]:
        return await tx.all("EXPLAIN QUERY PLAN " + BY_TAG, 0, 10**18, 10, "a+", "a,")

    steps = [row[3] for row in await db.read(look)]
    assert "ledger_entry_recipient (recipient>? AND recipient<?)" in steps[0]


QUEUED = queue.QueuedMessage(
    id=70,
    sender="",
    content_id=2,
    skip=0,
    size=1,
    body="7BIT",
    utf8=False,
    account_id=0,
    created=NOW,
    expires=NOW,
    warn_at=0,
)
