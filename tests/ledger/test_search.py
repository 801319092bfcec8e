"""Journeys found by subject, time and owner, and what is new of them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from importlib import import_module
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from correo import ledger
from correo.ledger import EVER, Event, Following, Journey, Owner, Wanted, seen_by
from correo.mail.instant import DAY, HOUR, MINUTE
from correo.storage.db.sqlite import Sqlite

NOW = 1_767_225_600_000_000
trace_module = import_module("correo.ledger.trace")  # whose name is that of its function, too
follow_module = import_module("correo.ledger.follow")
BOB = Owner("bob@here.example")


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[Sqlite]:
    database = await Sqlite.open(tmp_path / "correo.db", now=NOW, threaded=False)
    yield database
    await database.close()


class Book:
    """Writes messages, one a minute, with ids that grow with time."""

    def __init__(self, db: Sqlite) -> None:
        self.db = db
        self._ids = count(1)

    async def add(
        self, subject: str, *events: tuple[str, Event, str], at: int | None = None, **facts: Any
    ) -> int:
        id = next(self._ids) * 1_000
        at = NOW + id // 1_000 * MINUTE if at is None else at
        given = {
            "protocol": "smtp",
            "source": "192.0.2.1",
            "account": "",
            "sender": "ann@far.example",
        } | facts
        message_id = given.pop("message_id", f"<{id}@far.example>")
        await self.db.write(
            ledger.open_message, id=id, at=at, message_id=message_id, subject=subject, size=9, **given
        )
        for recipient, event, detail in events:
            await self.note(id, recipient, event, detail, at)
        return id

    async def note(self, id: int, recipient: str, event: Event, detail: str = "", at: int = NOW) -> None:
        targets = len(detail.split()) if event is Event.EXPANDED else 1
        await self.db.write(
            ledger.record,
            id,
            id=next(self._ids) * 1_000,
            at=at,
            recipient=recipient,
            event=event,
            detail=detail,
            targets=targets,
        )

    async def find(self, limit: int = 10, **wanted: Any) -> list[int]:
        found = await self.db.read(ledger.search, Wanted(**wanted), limit)
        return [journey.id for journey in found.journeys]


@pytest.fixture
def book(db: Sqlite) -> Book:
    return Book(db)


def to(recipient: str, detail: str = "INBOX uid 1") -> tuple[tuple[str, Event, str], ...]:
    return (recipient, Event.ACCEPTED, ""), (recipient, Event.DELIVERED, detail)


# -- subject and time ------------------------------------------------------------------------------------------------------


async def test_words_of_the_subject_in_any_order_and_case(book: Book) -> None:
    lunch = await book.add("Lunch in MÜNCHEN on Friday")
    street = await book.add("Große Straße")
    assert await book.find(subject="lunch") == await book.find(subject="  friday LUNCH ") == [lunch]
    assert await book.find(subject="münchen") == [lunch]
    assert await book.find(subject="STRASSE") == [street]
    assert await book.find(subject="lunch street") == []
    assert await book.find() == [street, lunch]
    assert await book.find(1) == [street]


async def test_the_subject_together_with_the_rest(book: Book) -> None:
    first = await book.add("Lunch", *to("bob@here.example"))
    await book.add("Dinner", *to("bob@here.example"))
    await book.add("Lunch", *to("cat@here.example"))
    assert await book.find(subject="lunch", what="bob@here.example") == [first]
    assert await book.find(subject="dinner", what=ledger.show_id(first)) == []


async def test_when_it_came(book: Book) -> None:
    ids = [
        await book.add(f"number {number}", *to("bob@here.example"), at=NOW + number * DAY)
        for number in range(9)
    ]
    narrower: tuple[dict[str, Any], ...] = ({}, {"what": "bob@here.example"}, {"subject": "number"})
    for more in narrower:
        assert await book.find(since=NOW + 7 * DAY, **more) == ids[:6:-1]
        assert await book.find(until=NOW + 2 * DAY, **more) == ids[1::-1]
        assert await book.find(since=NOW + 3 * DAY, until=NOW + 5 * DAY, **more) == ids[4:2:-1]
        assert await book.find(since=NOW + 30 * DAY, **more) == []
        assert await book.find(until=NOW, **more) == []


async def test_a_clock_that_was_set_back_hides_nothing(book: Book) -> None:
    offsets = [0, 5, 3, 90, 40, 95, 100, 200, 150, 300]
    ids = [await book.add("x", at=NOW + offset * MINUTE) for offset in offsets]
    for since in range(0, 301, 10):
        expected = [id for id, at in zip(ids, offsets, strict=True) if at >= since]
        assert await book.find(since=NOW + since * MINUTE) == expected[::-1]
        expected = [id for id, at in zip(ids, offsets, strict=True) if at < since]
        assert await book.find(until=NOW + since * MINUTE) == expected[::-1]


async def test_a_range_is_found_by_few_reads(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(100):
        await book.add("x", at=NOW + number * DAY)
    seen: list[str] = []

    async def look(tx: Any) -> list[Journey]:
        class Spy:
            async def all(self, sql: str, *values: object) -> Any:
                seen.append(sql)
                return await tx.all(sql, *values)

            async def one(self, sql: str, *values: object) -> Any:
                seen.append(sql)
                return await tx.one(sql, *values)

        wanted = Wanted(since=NOW + 50 * DAY, until=NOW + 51 * DAY)
        return (await ledger.search(Spy(), wanted, 10)).journeys  # type: ignore[arg-type]

    assert len(await book.db.read(look)) == 1
    assert len(seen) < 50


async def test_pages_of_an_index_go_on(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trace_module, "_PAGE", 3)
    monkeypatch.setattr(trace_module, "_LARGE_PAGE", 4)
    ids = [await book.add(f"n{number % 7}", *to("bob@here.example")) for number in range(30)]
    expected = [id for number, id in enumerate(ids) if number % 7 == 2][::-1]
    assert await book.find(subject="n2", what="bob@here.example") == expected
    assert await book.find(subject="n2") == expected
    assert await book.find(100, what="ann@far.example") == ids[::-1]


async def test_what_is_given_up_says_how_far_it_came(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trace_module, "MAX_LOOKED", 3)
    for number in range(5):
        await book.add("x", at=NOW + number * HOUR)
    found = await book.db.read(ledger.search, Wanted(subject="nothing"), 10)
    assert (found.journeys, found.back_to) == ([], NOW + HOUR)


async def test_an_empty_ledger(book: Book) -> None:
    assert await book.find() == await book.find(since=NOW) == await book.find(until=NOW, subject="x") == []


# -- the owner -------------------------------------------------------------------------------------------------------------


async def shown(book: Book, id: int, owner: Owner = BOB) -> list[tuple[str, str, str]] | None:
    (journey,) = await book.db.read(ledger.trace, ledger.show_id(id), 1)
    seen = seen_by(owner, journey)
    if seen is None:
        return None
    return [(entry.recipient, entry.event.value, entry.detail) for entry in seen.entries]


async def test_what_he_has_sent_is_his(book: Book) -> None:
    id = await book.add(
        "from bob",
        *to("cat@here.example", "INBOX uid 7"),
        ("dog@far.example", Event.ACCEPTED, ""),
        ("dog@far.example", Event.DEFERRED, "451 later"),
        ("dog@far.example", Event.RELAYED, "250 ok"),
        ("team@here.example", Event.ACCEPTED, ""),
        ("team@here.example", Event.EXPANDED, "eve@here.example fox@far.example"),
        ("eve@here.example", Event.DELIVERED, "INBOX uid 3"),
        ("fox@far.example", Event.BOUNCED, "550 gone"),
        *to("bob@here.example"),
        account="bob@here.example",
        protocol="submission",
    )
    assert await shown(book, id) == [
        ("cat@here.example", "accepted", ""),
        ("cat@here.example", "delivered", ""),
        ("dog@far.example", "accepted", ""),
        ("dog@far.example", "deferred", "451 later"),
        ("dog@far.example", "relayed", "250 ok"),
        ("team@here.example", "accepted", ""),
        ("team@here.example", "expanded", ""),
        ("bob@here.example", "accepted", ""),
        ("bob@here.example", "delivered", "INBOX uid 1"),
    ]


async def test_of_what_others_sent_he_sees_his_part(book: Book) -> None:
    id = await book.add(
        "to many",
        *to("bob@here.example"),
        *to("cat@here.example"),
        *to("bob+shop@here.example"),
        *to("bob+apart@here.example"),
        ("team@here.example", Event.ACCEPTED, ""),
        ("team@here.example", Event.EXPANDED, "eve@here.example bob@here.example"),
        ("eve@here.example", Event.DELIVERED, "INBOX uid 3"),
        account="ann@here.example",
        sender="ann@here.example",
        source="192.0.2.77",
    )
    owner = Owner("bob@here.example", apart=frozenset({"bob+apart@here.example"}))
    assert await shown(book, id, owner) == [
        ("bob@here.example", "accepted", ""),
        ("bob@here.example", "delivered", "INBOX uid 1"),
        ("bob+shop@here.example", "accepted", ""),
        ("bob+shop@here.example", "delivered", "INBOX uid 1"),
        ("team@here.example", "expanded", "bob@here.example"),
    ]
    (journey,) = await book.db.read(ledger.trace, ledger.show_id(id), 1)
    seen = seen_by(owner, journey)
    assert seen
    assert (seen.account, seen.source) == ("", "")
    assert "cat@" not in repr(seen)
    assert "eve@" not in repr(seen)


async def test_what_is_not_his_is_nothing(book: Book) -> None:
    id = await book.add("bob@here.example", *to("cat@here.example"), sender="bob@here.example")
    assert await shown(book, id) is None
    assert await shown(book, id, Owner("ob@here.example")) is None
    assert await shown(book, id, Owner("cat@here.example")) is not None


async def test_what_came_before_the_account_was_his_is_anothers(book: Book) -> None:
    id = await book.add("old", *to("bob@here.example"))
    assert await shown(book, id, Owner("bob@here.example", since=NOW + DAY)) is None


async def test_he_finds_his_own_and_learns_of_nobody_else(book: Book) -> None:
    mine = await book.add("mine", *to("cat@here.example"), account="bob@here.example")
    tagged = await book.add("tagged", *to("bob+shop@here.example"))
    both = await book.add("both", *to("bob@here.example"), *to("cat@here.example"))
    other = await book.add("other", *to("cat@here.example"))
    assert await book.find(owner=BOB) == [both, tagged, mine]
    assert await book.find(owner=BOB, what="cat@here.example") == [mine]
    assert await book.find(owner=BOB, what="ann@far.example") == [both, tagged, mine]
    assert await book.find(owner=BOB, what=ledger.show_id(other)) == []
    assert await book.find(owner=BOB, what=f"<{other}@far.example>") == []
    assert await book.find(owner=BOB, what=ledger.show_id(both)) == [both]
    assert await book.find(owner=BOB, subject="tagged") == [tagged]


# -- following -------------------------------------------------------------------------------------------------------------


async def test_what_is_new_is_told_once(book: Book) -> None:
    await book.add("old", *to("bob@here.example"))
    following = Following(Wanted())
    assert await book.db.read(following.look) == []
    assert await book.db.read(following.look) == []
    id = await book.add("new", *to("bob@here.example"))
    steps = await book.db.read(following.look)
    assert [(step.journey.id, step.entry.event, step.first) for step in steps] == [
        (id, Event.ACCEPTED, True),
        (id, Event.DELIVERED, False),
    ]
    assert await book.db.read(following.look) == []


async def test_what_is_new_of_old_messages_is_told(book: Book) -> None:
    id = await book.add("old", ("far@far.example", Event.ACCEPTED, ""))
    following = Following(Wanted(what="far@far.example"))
    await book.db.read(following.look)
    await book.add("other", *to("bob@here.example"))
    await book.note(id, "far@far.example", Event.DEFERRED, "451 later")
    (step,) = await book.db.read(following.look)
    assert (step.journey.id, step.entry.detail, step.first) == (id, "451 later", False)


async def test_a_commit_that_comes_late_is_told(book: Book) -> None:
    following = Following(Wanted())
    id = await book.add("x")
    await book.note(id, "b@far.example", Event.ACCEPTED)
    await book.db.read(following.look)
    await book.note(id, "late@far.example", Event.ACCEPTED)
    early = next(book._ids) * 1_000
    await book.note(id, "new@far.example", Event.ACCEPTED)
    assert len(await book.db.read(following.look)) == 2
    await book.db.write(
        ledger.record, id, id=early, at=NOW, recipient="slow@far.example", event=Event.ACCEPTED
    )
    (step,) = await book.db.read(following.look)
    assert step.entry.recipient == "slow@far.example"


async def test_much_at_once_is_told_by_and_by(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follow_module, "LATE", 5)
    monkeypatch.setattr(follow_module, "AT_ONCE", 3)
    await book.add("before", *to("bob@here.example"), *to("cat@here.example"), *to("dog@here.example"))
    following = Following(Wanted())
    await book.db.read(following.look)
    id = await book.add("much")
    for number in range(20):
        await book.note(id, f"{number}@far.example", Event.ACCEPTED)
    told: list[str] = []
    while steps := await book.db.read(following.look):
        told += [step.entry.recipient for step in steps]
    assert told == [f"{number}@far.example" for number in range(20)]


async def test_the_owner_follows_what_is_his(book: Book) -> None:
    following = Following(Wanted(owner=BOB))
    await book.db.read(following.look)
    await book.add("both", *to("bob@here.example"), *to("cat@here.example"))
    steps = await book.db.read(following.look)
    assert {step.entry.recipient for step in steps} == {"bob@here.example"}


def test_ever_is_after_everything() -> None:
    assert Wanted().until == EVER > NOW + 10_000 * 365 * DAY
