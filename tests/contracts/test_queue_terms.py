"""Who is claimed first where priorities differ, and nobody before his time (RFC 6710, RFC 4865)."""

from __future__ import annotations

from dataclasses import replace

from tests.contracts.test_queue import EVERYTHING, NOW, db, message, put, take

from correo.mail.address import Address
from correo.mail.instant import HOUR
from correo.mail.status import Status
from correo.mail.terms import Terms
from correo.queue import NewRecipient, Selection, claim, due, enqueue, list_recipients, retry
from correo.queue.claim import WINDOW
from correo.queue.resting import postpone_waiting
from correo.storage.db import Database

__all__ = ["db"]  # the fixture


async def put_terms(db: Database, number: int, *addresses: str, terms: Terms) -> None:
    recipients = [
        NewRecipient(number * 1000 + place, text, text, Address.parse(text).host)
        for place, text in enumerate(addresses)
    ]
    await db.write(enqueue, replace(message(number), terms=terms), recipients, NOW)


async def taken(db: Database, limit: int, now: int = NOW) -> list[int]:
    return [one.message.id for one in await take(db, now=now, limit=limit)]


async def test_the_urgent_comes_before_the_rest_and_what_can_wait_after_it(db: Database) -> None:
    await put_terms(db, 1, "a@one.example", terms=Terms(priority=-2))
    await put(db, 2, "a@two.example")
    await put_terms(db, 3, "a@three.example", terms=Terms(priority=2))
    await put_terms(db, 4, "a@four.example", terms=Terms(priority=5))
    assert [await taken(db, 1) for _ in range(4)] == [[4], [3], [2], [1]]


async def test_the_urgent_does_not_wait_behind_a_newsletter(db: Database) -> None:
    many = [f"u{number}@d{number % 50}.example" for number in range(WINDOW + 500)]
    recipients = [
        NewRecipient(10_000 + at, name, name, Address.parse(name).host) for at, name in enumerate(many)
    ]
    await db.write(enqueue, message(1), recipients, NOW)
    await put_terms(db, 20_000, "a@there.example", terms=Terms(priority=1))
    assert await taken(db, 1) == [20_000]


async def test_to_one_destination_the_urgent_goes_first(db: Database) -> None:
    await put(db, 1, *(f"u{number}@there.example" for number in range(20)))
    await put_terms(db, 2, "b@there.example", terms=Terms(priority=9))
    assert (await taken(db, 3))[0] == 2


async def test_a_destination_that_is_down_leaves_alone_what_its_sender_holds(db: Database) -> None:
    await put_terms(db, 1, "a@there.example", terms=Terms(hold_until=NOW + HOUR // 2))
    await put(db, 2, "b@there.example")
    down = Status(451, "4.4.1", "down")
    moved = await db.write(postpone_waiting, "there.example", NOW, until=NOW + HOUR, status=down, host="")
    assert moved == 1
    assert [one.message.id for one in await db.write(retry, Selection(), NOW + 1)] == [2]
    assert await taken(db, 9, NOW + HOUR // 2) == [2, 1]


async def test_what_can_wait_does_not_wait_for_ever(db: Database) -> None:
    await put_terms(db, 1, "a@one.example", terms=Terms(priority=-9))
    await put(db, 2, "a@two.example", at=NOW + 8 * HOUR)
    await put(db, 3, "a@three.example", at=NOW + 10 * HOUR)
    later = NOW + 11 * HOUR
    assert [await taken(db, 1, later) for _ in range(3)] == [[2], [1], [3]]


async def test_what_can_wait_is_due_at_once_where_nobody_else_is(db: Database) -> None:
    await put_terms(db, 1, "a@one.example", terms=Terms(priority=-9))
    assert await taken(db, 1) == [1]


async def test_nothing_is_claimed_before_its_time_however_urgent(db: Database) -> None:
    await put_terms(db, 1, "a@one.example", terms=Terms(hold_until=NOW + HOUR, priority=9))
    assert await db.read(due) == NOW + HOUR
    assert await taken(db, 1, NOW + HOUR - 1) == []
    assert await taken(db, 1, NOW + HOUR) == [1]


async def test_terms_are_kept(db: Database) -> None:
    terms = Terms(deliver_by=NOW + HOUR, by_return=True, by_trace=True, priority=-4)
    await put_terms(db, 1, "a@one.example", terms=terms)
    (one,) = await db.read(list_recipients, EVERYTHING)
    assert one.message.terms == terms
    assert one.message.gives_up == NOW + HOUR
    assert await db.write(claim, owner="w", now=NOW, lease_until=NOW + 9, limit=1)
