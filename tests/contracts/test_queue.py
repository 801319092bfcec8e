"""What every queue promises, on every engine it runs on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from correo.mail.address import Address
from correo.mail.instant import HOUR, MINUTE, SECOND
from correo.mail.protection import Protection
from correo.mail.status import Status
from correo.mail.terms import Terms
from correo.mail.way import Way
from correo.mail.wishes import Notify, Wishes
from correo.queue import (
    TABLE,
    Event,
    Lease,
    NewRecipient,
    QueuedMessage,
    QueuedRecipient,
    Selection,
    State,
    census,
    claim,
    count,
    defer,
    due,
    enqueue,
    give_back,
    hold,
    list_recipients,
    owners,
    park,
    recover,
    release,
    renew,
    reroute,
    retry,
    take_out,
    withdraw,
)
from correo.queue.resting import postpone, postpone_waiting
from correo.storage.db import Database, Tx
from correo.storage.db.sqlite import Sqlite

NOW = 1_767_225_600 * SECOND
LEASE = 3 * MINUTE
EVERYTHING = Selection()
BUSY = Status(451, "4.7.1", "try again")


@pytest.fixture(params=["sqlite"])
async def db(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    database = await Sqlite.open(tmp_path / "correo.db", now=NOW, threaded=False)
    yield database
    await database.close()


def message(number: int, sender: str = "ana@here.example") -> QueuedMessage:
    return QueuedMessage(
        number, sender, number * 10, 20, 500, "7BIT", False, 0, NOW, NOW + 120 * HOUR, NOW + 4 * HOUR
    )


async def put(
    db: Database, number: int, *addresses: str, sender: str = "ana@here.example", at: int = NOW
) -> None:
    recipients = [
        NewRecipient(number * 1000 + place, text, "all@here.example", Address.parse(text).host)
        for place, text in enumerate(addresses)
    ]
    await db.write(enqueue, message(number, sender), recipients, at)


async def take(
    db: Database, owner: str = "w1", now: int = NOW, limit: int = 100, busy: tuple[str, ...] = ()
) -> list[QueuedRecipient]:
    return await db.write(claim, owner=owner, now=now, lease_until=now + LEASE, limit=limit, busy=busy)


async def states(db: Database) -> dict[State, int]:
    return (await db.read(census)).recipients


async def test_what_is_enqueued_is_claimed_as_it_was_put(db: Database) -> None:
    await put(db, 1, "Bob@There.Example", "eva@elsewhere.example")
    bob, eva = await take(db)
    assert (bob.address, bob.folded, bob.destination) == (
        "Bob@There.Example",
        "bob@there.example",
        "there.example",
    )
    assert eva.message == message(1)
    assert (bob.state, bob.lease, bob.attempts, bob.status) == (State.ACTIVE, "w1", 0, None)
    assert (bob.original, bob.warned, bob.warn_at) == ("all@here.example", False, NOW + 4 * HOUR)


async def test_what_is_handed_over_is_as_if_it_had_been_claimed(db: Database) -> None:
    lease = Lease("w7", NOW + LEASE, frozenset({"there.example", "late.example"}))
    terms = Terms(deliver_by=NOW + HOUR, by_trace=True, priority=3)
    wishes = Wishes(Notify.FAILURE, "rfc822;bob@there.example")
    recipients = [
        NewRecipient(1, "Bob@There.Example", "all@here.example", "there.example", wishes),
        NewRecipient(2, "eva@elsewhere.example", "eva@elsewhere.example", "elsewhere.example"),
        NewRecipient(3, "carol@there.example", "carol@there.example", "there.example", local=True),
    ]
    claimed = await db.write(enqueue, replace(message(1), terms=terms), recipients, NOW, lease)
    listed = {one.id: one for one in await db.read(list_recipients, EVERYTHING)}
    assert claimed == [listed[1]]
    assert (listed[1].state, listed[1].lease, listed[1].lease_until) == (State.ACTIVE, "w7", NOW + LEASE)
    assert [one.id for one in await take(db)] == [2, 3]  # nobody else gets it
    assert await db.write(give_back, "w7") == 1
    assert [replace(one, lease="w7") for one in await take(db)] == claimed


async def test_what_is_held_for_later_is_not_handed_over(db: Database) -> None:
    lease = Lease("w7", NOW + LEASE, frozenset({"there.example"}))
    recipients = [NewRecipient(1, "bob@there.example", "bob@there.example", "there.example")]
    later = replace(message(1), terms=Terms(hold_until=NOW + HOUR))
    assert await db.write(enqueue, later, recipients, NOW, lease) == []
    assert (await states(db))[State.WAITING] == 1


async def test_an_empty_queue_has_nothing_due(db: Database) -> None:
    assert await db.read(due) is None
    assert await take(db) == []


async def test_nobody_claims_what_is_claimed(db: Database) -> None:
    await put(db, 1, *(f"u{number}@d{number % 7}.example" for number in range(60)))
    seen: list[int] = []
    for turn in range(12):
        seen += [one.id for one in await take(db, f"w{turn % 3}", limit=7)]
    assert len(seen) == len(set(seen)) == 60


async def test_two_connections_never_claim_the_same_row(db: Database, tmp_path: Path) -> None:
    other = await Sqlite.open(tmp_path / "correo.db", now=NOW, threaded=False)
    await put(db, 1, *(f"u{number}@there.example" for number in range(40)))
    first = {one.id for one in await take(db, "w1", limit=15)}
    second = {one.id for one in await take(other, "w2", limit=100)}
    await other.close()
    assert len(first) == 15
    assert len(second) == 25
    assert not first & second


async def test_nothing_is_claimed_before_its_time(db: Database) -> None:
    await put(db, 1, "bob@there.example", at=NOW + HOUR)
    assert await take(db) == []
    assert await db.read(due) == NOW + HOUR
    assert await db.read(due, NOW + HOUR) is None
    assert len(await take(db, now=NOW + HOUR)) == 1


async def test_the_longest_due_come_first(db: Database) -> None:
    for number, at in ((1, 3), (2, 1), (3, 2)):
        await put(db, number, f"u@d{number}.example", at=NOW + at)
    assert [one.message.id for one in await take(db, now=NOW + 10)] == [2, 3, 1]


async def test_busy_destinations_are_left_out(db: Database) -> None:
    await put(db, 1, "a@one.example", "b@two.example", "c@three.example", "d@four.example")
    names = ("one.example", "two.example", "four.example")
    assert [one.destination for one in await take(db, busy=names)] == ["three.example"]
    assert len(await take(db)) == 3


async def test_a_large_destination_leaves_room_for_the_others(db: Database) -> None:
    await put(db, 1, *(f"u{number}@large.example" for number in range(300)))
    await put(db, 2, "a@small.example", at=NOW + 1)
    claimed = await take(db, now=NOW + 1, limit=50)
    assert len(claimed) == 50
    assert "small.example" in {one.destination for one in claimed}
    assert (
        len([one for one in await take(db, now=NOW + 1, limit=500) if one.destination == "large.example"])
        == 100
    )


async def test_a_deferred_recipient_waits_and_remembers_the_answer(db: Database) -> None:
    await put(db, 1, "bob@there.example")
    (bob,) = await take(db)
    assert await db.write(defer, bob, status=BUSY, host="mx.there.example", next_try=NOW + HOUR, warned=True)
    assert await take(db, now=NOW + HOUR - 1) == []
    (again,) = await take(db, now=NOW + HOUR)
    assert (again.attempts, again.status, again.host, again.warn_at) == (1, BUSY, "mx.there.example", 0)


async def test_the_message_goes_with_its_last_recipient(db: Database) -> None:
    await put(db, 1, "a@one.example", "b@two.example")
    first, second = await take(db)
    left = await db.write(take_out, first)
    assert left is not None
    assert not left.last
    gone = await db.write(take_out, second)
    assert gone is not None
    assert gone.last
    assert gone.content_id == 10
    assert (await db.read(census)).messages == 0


async def test_a_lease_settles_once(db: Database) -> None:
    await put(db, 1, "a@one.example")
    (one,) = await take(db)
    assert await db.write(take_out, one) is not None
    assert await db.write(take_out, one) is None
    assert not await db.write(defer, one, status=BUSY, host="", next_try=NOW, warned=True)


async def test_who_lost_the_lease_settles_nothing(db: Database) -> None:
    await put(db, 1, "a@one.example")
    (slow,) = await take(db, "slow")
    assert await db.write(recover, NOW + LEASE - 1) == 0
    assert await db.write(recover, NOW + LEASE) == 1
    (quick,) = await take(db, "quick", now=NOW + LEASE)
    assert await db.write(take_out, slow) is None
    assert not await db.write(defer, slow, status=BUSY, host="", next_try=NOW, warned=True)
    assert await db.write(take_out, quick) is not None


async def test_leases_that_have_ended_are_left_to_who_is_spared(db: Database) -> None:
    for number in range(1, 5):
        await put(db, number, "a@one.example")
        await take(db, f"w{number}")
    assert await db.read(owners) == {f"w{number}": NOW + LEASE for number in range(1, 5)}
    assert await db.write(recover, NOW + LEASE, ["w1", "w2", "w4"]) == 1
    assert await db.write(recover, NOW + LEASE, ["w2"]) == 2
    assert set(await db.read(owners)) == {"w2"}
    assert await db.write(recover, NOW + LEASE) == 1


async def test_a_lapsed_lease_is_no_attempt(db: Database) -> None:
    await put(db, 1, "a@one.example")
    await take(db)
    await db.write(recover, NOW + LEASE)
    (again,) = await take(db, "w2", now=NOW + LEASE)
    assert again.attempts == 0


async def test_a_renewed_lease_does_not_lapse(db: Database) -> None:
    await put(db, 1, "a@one.example")
    claimed = await take(db, "w1")
    await db.write(renew, claimed, NOW + HOUR)
    assert await db.write(recover, NOW + LEASE) == 0
    assert await db.write(recover, NOW + HOUR) == 1
    await db.write(renew, claimed, NOW + 2 * HOUR)
    assert (await states(db))[State.WAITING] == 1


async def test_what_is_given_back_is_due_as_before(db: Database) -> None:
    await put(db, 1, "a@one.example", "b@two.example")
    await take(db, "w1", limit=1)
    await take(db, "w2")
    assert await db.write(give_back, "w1") == 1
    assert await db.read(due) == NOW
    assert len(await take(db, "w3")) == 1


async def test_held_recipients_wait_for_the_operator(db: Database) -> None:
    await put(db, 1, "a@one.example", "b@two.example")
    held = await db.write(hold, Selection(destination="one.example"))
    assert [one.folded for one in held] == ["a@one.example"]
    assert [one.folded for one in await take(db)] == ["b@two.example"]
    assert [one.folded for one in await db.write(release, EVERYTHING, NOW + HOUR)] == ["a@one.example"]
    assert await db.read(due) == NOW + HOUR


async def test_what_is_being_tried_is_left_to_its_worker(db: Database) -> None:
    await put(db, 1, "a@one.example")
    await take(db)
    assert await db.write(hold, EVERYTHING) == []
    assert await db.write(retry, EVERYTHING, NOW) == []
    assert await db.write(withdraw, EVERYTHING) == []


async def test_retry_makes_due_what_waits_for_later(db: Database) -> None:
    await put(db, 1, "a@one.example", at=NOW + HOUR)
    await put(db, 2, "b@two.example", at=NOW + HOUR)
    assert [one.message.id for one in await db.write(retry, Selection(message_id=2), NOW)] == [2]
    assert await db.write(retry, Selection(message_id=2), NOW) == []
    assert [one.message.id for one in await take(db)] == [2]


async def test_withdrawing_in_slices_ends_with_an_empty_queue(db: Database) -> None:
    await put(db, 1, "a@one.example", "b@two.example", "c@three.example")
    await db.write(hold, Selection(address="b@two.example"))
    gone: list[tuple[str, bool]] = []
    while taken := await db.write(withdraw, EVERYTHING, 2):
        gone += [(one.folded, last) for one, last in taken]
    assert gone == [("a@one.example", False), ("b@two.example", False), ("c@three.example", True)]
    assert (await db.read(census)).messages == 0


@pytest.mark.parametrize(
    ("selection", "found"),
    [
        (Selection(), [1000, 1001, 2000]),
        (Selection(message_id=1), [1000, 1001]),
        (Selection(recipient_id=2000), [2000]),
        (Selection(address="a@one.example"), [1000, 2000]),
        (Selection(address="a@one.example", message_id=2), [2000]),
        (Selection(destination="two.example"), [1001]),
        (Selection(sender="ANA@here.example"), [1000, 1001]),
        (Selection(sender=""), [2000]),
        (Selection(address="nobody@one.example"), []),
        (Selection(before=NOW), []),
        (Selection(before=NOW + 1), [1000, 1001, 2000]),
        (Selection(state=State.WAITING, destination="one.example"), [1000, 2000]),
        (Selection(state=State.HELD), []),
        (Selection(after=1000, address="a@one.example"), [2000]),
    ],
)
async def test_selections(db: Database, selection: Selection, found: list[int]) -> None:
    await put(db, 1, "A@one.example", "b@two.example")
    await put(db, 2, "a@one.example", sender="")
    assert [one.id for one in await db.read(list_recipients, selection)] == found
    assert sum((await db.read(count, selection)).values()) == len(found)
    assert [one.id for one in await db.write(hold, selection)] == found


async def test_a_sender_beyond_ascii_is_found_as_he_is_written(db: Database) -> None:
    await put(db, 1, "a@one.example", sender="Ümit@here.example")
    for spelling in ("Ümit@here.example", "ÜMIT@HERE.example"):
        assert len(await db.read(list_recipients, Selection(sender=spelling))) == 1


async def test_rerouted_recipients_are_found_by_their_domain_and_claimed_by_their_way(db: Database) -> None:
    await put(db, 1, "A@one.example", "b@two.example", "c@x_y.example", "d@xzy.example")
    await db.write(hold, Selection(recipient_id=1001))
    relay = Way.parse("smtp:relay.example:26")
    moved = await db.write(reroute, EVERYTHING, relay, NOW, 2)
    moved += await db.write(reroute, Selection(after=moved[-1].id), relay, NOW, 2)
    assert await db.write(reroute, Selection(after=moved[-1].id), relay, NOW, 2) == []
    assert [one.id for one in moved] == [1000, 1001, 1002, 1003]
    for domain, ids in (
        ("one.example", [1000]),
        ("two.example", [1001]),
        ("x_y.example", [1002]),
        ("example", []),
    ):
        assert [one.id for one in await db.read(list_recipients, Selection(destination=domain))] == ids
    assert [one.id for one in await db.read(list_recipients, Selection(address="a@one.example"))] == [1000]
    claimed = await take(db)
    assert {one.destination for one in claimed if one.id < 1002} == {
        ">smtp:relay.example:26 one.example",
        ">smtp:relay.example:26 two.example",
    }
    await db.write(give_back, "w1")
    await db.write(reroute, EVERYTHING, None, NOW)
    assert {one.destination for one in await take(db)} == {
        "one.example",
        "two.example",
        "x_y.example",
        "xzy.example",
    }


async def test_what_waits_for_a_destination_is_put_off_but_for_what_is_overdue(db: Database) -> None:
    await put(db, 1, "a@one.example", "b@two.example")
    await put(db, 2, "c@one.example")
    await put(db, 3, "d@one.example")
    await db.write(hold, Selection(message_id=3))
    await db.write(_expire, 2)
    moved = await db.write(postpone_waiting, "one.example", NOW, until=NOW + HOUR, status=BUSY, host="mx")
    assert moved == 1
    assert await db.write(postpone_waiting, "one.example", NOW, until=NOW + HOUR, status=BUSY, host="mx") == 0
    assert [one.id for one in await take(db)] == [1001, 2000]
    (rested,) = await db.read(list_recipients, Selection(recipient_id=1000))
    assert (rested.next_try, rested.attempts, rested.status, rested.host) == (NOW + HOUR, 0, BUSY, "mx")
    assert len(await db.write(retry, Selection(recipient_id=1000), NOW)) == 1


async def test_nobody_is_put_off_past_the_time_of_a_word_to_his_sender(db: Database) -> None:
    """Each of these ends, or is told of, before the destination is tried again; who is never told is put off with the others."""
    for id in range(1, 9):
        await put(db, id, "a@one.example", sender="" if id == 5 else "ana@here.example")
    await db.write(_set, "queue_message", "warn_at", NOW + 2, 1, 2, 5, 6)
    await db.write(_set, "queue_message", "expires", NOW + 2, 3)
    await db.write(_set, "queue_message", "deliver_by", NOW + 2, 4)
    await db.write(_set, "queue_message", "priority", 3, 7)
    await db.write(_set, "queue_recipient", "warned", 1, 2000)
    await db.write(_set, "queue_recipient", "notify", 2, 6000)
    rest: dict[str, Any] = {"until": NOW + HOUR, "status": BUSY, "host": ""}
    assert await db.write(postpone_waiting, "one.example", NOW, **rest, urgent_lifetime=2) == 4
    due = {one.message.id for one in await db.read(list_recipients, EVERYTHING) if one.next_try <= NOW}
    assert due == {1, 3, 4, 7}
    assert await db.write(postpone_waiting, "one.example", NOW, **rest, lifetime=2) == 0
    assert await db.write(postpone_waiting, "one.example", NOW, **rest, lifetime=2 * HOUR) == 1
    due = {one.message.id for one in await db.read(list_recipients, EVERYTHING) if one.next_try <= NOW}
    assert due == {1, 3, 4}


async def _set(tx: Tx, table: str, column: str, value: int, *ids: int) -> None:
    for id in ids:
        await tx.run(f"UPDATE {table} SET {column} = $1 WHERE id = $2", value, id)


async def test_who_lost_the_lease_puts_nothing_off_and_parks_nothing(db: Database) -> None:
    await put(db, 1, "a@one.example")
    (one,) = await take(db)
    await db.write(recover, NOW + LEASE)
    (again,) = await take(db, "w2", now=NOW + LEASE)
    await db.write(postpone, [(one, NOW + HOUR)], status=BUSY, host="")
    assert not await db.write(park, one, status=BUSY)
    assert (await states(db))[State.ACTIVE] == 1
    assert await db.write(park, again, status=BUSY)
    assert (await states(db))[State.HELD] == 1


async def _expire(tx: Tx, message_id: int) -> None:
    await tx.run("UPDATE queue_message SET expires = $1 WHERE id = $2", NOW, message_id)


async def test_listing_pages_by_the_last_id(db: Database) -> None:
    await put(db, 1, *(f"u{number}@there.example" for number in range(5)))
    first = await db.read(list_recipients, EVERYTHING, limit=3)
    rest = await db.read(list_recipients, EVERYTHING, after=first[-1].id, limit=3)
    assert [one.id for one in first + rest] == [1000, 1001, 1002, 1003, 1004]


async def test_census_counts_states_messages_and_octets(db: Database) -> None:
    await put(db, 1, "a@one.example", "b@two.example")
    await put(db, 2, "c@three.example", at=NOW + 1)
    await db.write(hold, Selection(message_id=2))
    await take(db, limit=1)
    counted = await db.read(census)
    assert counted.recipients == {State.WAITING: 1, State.ACTIVE: 1, State.HELD: 1}
    assert (counted.messages, counted.size, counted.oldest) == (2, 1000, NOW)


async def test_a_message_without_recipients_is_not_queued(db: Database) -> None:
    with pytest.raises(ValueError, match="recipients"):
        await db.write(enqueue, message(1), [], NOW)


async def _force(tx: Tx, state: State) -> None:
    await tx.run(
        "UPDATE queue_recipient SET state = $1, lease = $2, lease_until = $3",
        state.value,
        "w1" if state is State.ACTIVE else "",
        NOW + LEASE if state is State.ACTIVE else 0,
    )


async def _fire(db: Database, event: Event) -> None:
    """Try the arrow on the only recipient, whatever state it is in."""
    (one,) = await db.read(list_recipients, EVERYTHING)
    match event:
        case Event.CLAIM:
            await take(db, "w2", now=NOW + HOUR)
        case Event.DEFER:
            await db.write(defer, one, status=BUSY, host="", next_try=NOW + HOUR, warned=True)
        case Event.GIVE_BACK:
            await db.write(give_back, "w1")
        case Event.LAPSE:
            await db.write(recover, NOW + HOUR)
        case Event.RELAY | Event.DELIVER | Event.BOUNCE | Event.DISCARD:
            await db.write(take_out, one)
        case Event.POSTPONE if one.state is State.WAITING:
            await db.write(postpone_waiting, "one.example", NOW, until=NOW + HOUR, status=BUSY, host="")
        case Event.POSTPONE:
            await db.write(postpone, [(one, NOW + HOUR)], status=BUSY, host="")
        case Event.PARK:
            await db.write(park, one, status=BUSY)
        case Event.REROUTE:
            await db.write(reroute, EVERYTHING, Way.parse("smtp:relay.example"), NOW)
        case Event.HOLD:
            await db.write(hold, EVERYTHING)
        case Event.RELEASE:
            await db.write(release, EVERYTHING, NOW)
        case Event.RETRY:
            await db.write(retry, EVERYTHING, NOW - 1)
        case Event.WITHDRAW | Event.DELETE:
            await db.write(withdraw, EVERYTHING)
        case Event.ENQUEUE:
            raise AssertionError("not an arrow between states")


@pytest.mark.parametrize("row", [row for row in TABLE if row.sources], ids=lambda row: row.event.value)
@pytest.mark.parametrize("start", list(State), ids=lambda state: state.value)
async def test_every_arrow_leads_where_the_table_says_and_from_nowhere_else(
    db: Database, row: object, start: State
) -> None:
    step = next(one for one in TABLE if one is row)
    await put(db, 1, "a@one.example")
    await db.write(_force, start)
    await _fire(db, step.event)
    expected = step.target if start in step.sources else start
    counted = await states(db)
    assert [state for state, count in counted.items() if count] == ([expected] if expected else [])


@pytest.mark.parametrize("wanted", list(Protection))
async def test_how_a_message_is_to_be_protected_is_kept(db: Database, wanted: Protection) -> None:
    new = NewRecipient(1000, "a@one.example", "a@one.example", "one.example")
    await db.write(enqueue, replace(message(1), terms=Terms(protection=wanted)), [new], NOW)
    (one,) = await take(db)
    assert one.message.terms.protection is wanted
