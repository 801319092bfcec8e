"""What ended long ago is forgotten, and the sums are what they were."""

from __future__ import annotations

from collections.abc import AsyncIterator
from itertools import count
from pathlib import Path
from random import Random

import pytest

from correo import ledger
from correo.ledger import ENDS, Ended, Event
from correo.mail.instant import DAY
from correo.storage.db.sqlite import Sqlite

NOW = 1_767_225_600_000_000


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[Sqlite]:
    database = await Sqlite.open(tmp_path / "correo.db", now=NOW, threaded=False)
    yield database
    await database.close()


class Book:
    """Writes journeys with ids that count up."""

    def __init__(self, db: Sqlite) -> None:
        self._db = db
        self._ids = count(1)

    async def journey(
        self, at: int, *events: Event, to: str = "bob@example.net", sender: str = "a@here.example"
    ) -> int:
        """Accepted at `at`, and everything else a second after what was before."""
        id = next(self._ids)
        await self._db.write(
            ledger.open_message,
            id=id,
            at=at,
            protocol="smtp",
            source="",
            account="",
            sender=sender,
            message_id="",
            subject="",
            size=1,
        )
        for number, event in enumerate((Event.ACCEPTED, *events)):
            await self._db.write(
                ledger.record,
                id,
                id=next(self._ids),
                at=at + number * 1_000_000,
                recipient=to,
                event=event,
                host="mx.example.net",
                detail=f"{event.value} it was",
            )
        return id

    async def forget(self, before: int, limit: int = 200) -> None:
        last = 0
        while last := await self._db.bulk(ledger.forget, last, before, limit):
            pass

    async def known(self) -> list[int]:
        ids = range(1, next(self._ids))
        return [id for id in ids if await self._db.read(ledger.trace, ledger.show_id(id), 1)]


async def test_what_ended_is_forgotten_and_what_waits_is_not(db: Sqlite) -> None:
    book = Book(db)
    await book.journey(NOW - 10 * DAY, Event.RELAYED)
    waits = await book.journey(NOW - 9 * DAY, Event.DEFERRED)
    await book.journey(NOW - 8 * DAY, Event.DEFERRED, Event.BOUNCED)
    young = await book.journey(NOW - DAY, Event.RELAYED)
    before = await db.read(ledger.balance)
    await book.forget(NOW - 2 * DAY)
    assert await book.known() == [waits, young]
    assert await db.read(ledger.balance) == before
    await book.forget(NOW - 2 * DAY)
    assert await db.read(ledger.balance) == before


async def test_what_ended_late_is_kept_as_long_as_what_came_late(db: Sqlite) -> None:
    book = Book(db)
    id = await book.journey(NOW - DAY, Event.HELD, Event.RELAYED)
    await book.forget(NOW - DAY + 1_500_000)
    assert await book.known() == [id]
    await book.forget(NOW - DAY + 2_500_000)
    assert await book.known() == []


@pytest.mark.parametrize("limit", [1, 2, 7, 200])
async def test_it_takes_any_number_of_slices(db: Sqlite, limit: int) -> None:
    book, dice = Book(db), Random(limit)
    kept = []
    for day in range(40, 0, -1):
        ends = dice.random() < 0.8
        id = await book.journey(
            NOW - day * DAY, *([Event.DEFERRED] * dice.randrange(3)), *([dice.choice(ENDS)] * ends)
        )
        if not ends or day <= 10:
            kept.append(id)
    before = await db.read(ledger.balance)
    await book.forget(NOW - 10 * DAY, limit)
    assert await book.known() == kept
    assert await db.read(ledger.balance) == before


async def ended(db: Sqlite, **given: object) -> list[tuple[str, str]]:
    rows: list[Ended] = await db.scan(ledger.history, **given)  # type: ignore[arg-type]
    return [(one.recipient, one.event.value) for one in rows]


async def test_the_last_that_ended(db: Sqlite) -> None:
    book = Book(db)
    await book.journey(NOW - 3 * DAY, Event.DEFERRED, Event.DEFERRED, Event.RELAYED)
    await book.journey(NOW - 2 * DAY, Event.BOUNCED, to="eva@ex_mple.net", sender="")
    await book.journey(NOW - 1 * DAY, Event.DEFERRED)
    await book.journey(NOW - 1 * DAY, Event.DELIVERED, to="ana@here.example")
    await book.journey(NOW, Event.DISCARDED, to="zoe@sub.example.net")
    everything = await db.scan(ledger.history)
    assert [one.recipient for one in everything] == [
        "zoe@sub.example.net",
        "eva@ex_mple.net",
        "bob@example.net",
    ]
    bob = everything[-1]
    assert (bob.at - bob.accepted, bob.deferred) == (3_000_000, 2)
    assert (bob.host, bob.detail, bob.sender) == ("mx.example.net", "relayed it was", "a@here.example")
    assert await ended(db, domain="example.net") == [("bob@example.net", "relayed")]
    assert await ended(db, domain="ex_mple.net") == [("eva@ex_mple.net", "bounced")]
    assert await ended(db, sender="") == [("eva@ex_mple.net", "bounced")]
    assert await ended(db, address="bob@example.net") == [("bob@example.net", "relayed")]
    assert await ended(db, since=NOW - DAY) == [("zoe@sub.example.net", "discarded")]
    assert len(await ended(db, limit=2)) == 2
