"""A destination that is down: one tries for all, the others wait, and nobody else notices."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from tests.transport.house import HOST, LATER, OK, FakeTransport, House, in_a_house

from correo import queue
from correo.mail.address import Address
from correo.mail.instant import DAY, HOUR, MINUTE, SECOND
from correo.mail.outcome import Deferred, Outcome
from correo.mail.status import Status
from correo.queue import Selection, State
from correo.queue.schedule import Schedule
from correo.storage.bus import QUEUE
from correo.transport import Outgoing
from correo.transport.lanes import MAX_REST
from correo.transport.worker import Worker

DOWN = Deferred(Status(451, "4.4.1", "nobody there"), unreachable=True)


@asynccontextmanager
async def running(worker: Worker) -> AsyncIterator[None]:
    task = asyncio.ensure_future(worker.run())
    try:
        yield
    finally:
        worker.stop()
        await task


def to(house: House, domain: str) -> list[int]:
    """When it was tried, in seconds."""
    return [at // SECOND for at, names in house.transport.calls if names[0].endswith(f"@{domain}")]


async def fill(house: House, count: int, domain: str = "down.example") -> None:
    for number in range(count):
        house.transport.outcomes[f"u{number}@{domain}"] = [DOWN]
        await house.put(f"u{number}@{domain}")


@in_a_house
async def test_one_tries_for_all(house: House) -> None:
    await fill(house, 300)
    async with running(house.worker(grace=0)):
        await asyncio.sleep(30)
        first = len(to(house, "down.example"))
        assert first <= 10  # those that were begun before the first of them had its answer
        waiting = await house.queued()
        assert all(one.next_try > house.clock.now() for one in waiting)
        assert {str(one.status) for one in waiting} == {"451 4.4.1 nobody there"}
        assert sum(one.attempts for one in waiting) == first
        await asyncio.sleep(2 * HOUR / SECOND)
        assert len(to(house, "down.example")) < first + 20
    assert (await house.balance()).queued_in_queue == 300


@in_a_house
async def test_others_go_on_meanwhile(house: House) -> None:
    house.transport.slow["down.example"] = 30.0
    await fill(house, 500)
    for number in range(50):
        await house.put(f"bob@d{number}.example")
    async with running(house.worker(concurrency=10, grace=0)):
        await house.until(lambda: len(house.transport.contents) >= 50, seconds=60)


@in_a_house
async def test_when_it_is_back_all_of_it_goes(house: House) -> None:
    await fill(house, 250)
    async with running(house.worker(grace=0)):
        await asyncio.sleep(3 * HOUR / SECOND)
        for outcomes in house.transport.outcomes.values():
            outcomes[:] = [OK]
        back = house.clock.now()
        while await house.queued():
            await asyncio.sleep(10)
        assert house.clock.now() - back < 2 * MAX_REST
    assert (await house.balance()).relayed == 250


@in_a_house
async def test_what_comes_while_it_rests_waits_with_the_others_and_says_why(house: House) -> None:
    await fill(house, 1)
    async with running(house.worker(grace=0)):
        await asyncio.sleep(20)
        tried = len(to(house, "down.example"))
        house.transport.outcomes["new@down.example"] = [DOWN]
        id = await house.put("new@down.example")
        await asyncio.sleep(20)
        assert len(to(house, "down.example")) == tried
        (new,) = [one for one in await house.queued() if one.message.id == id]
        assert (new.state, new.attempts) == (State.WAITING, 0)
        assert str(new.status) == "451 4.4.1 nobody there"
        assert [event for _, event in await house.events(id)] == ["accepted"]


@in_a_house
async def test_the_operator_may_have_it_tried_nevertheless(house: House) -> None:
    await fill(house, 150)
    async with running(house.worker(grace=0)):
        await asyncio.sleep(20)
        waiting = await house.queued()
        until = max(one.next_try for one in waiting if not one.attempts)
        tried = len(to(house, "down.example"))
        assert await house.db.write(queue.retry, Selection(), house.clock.now())
        house.bus.publish(QUEUE)
        await asyncio.sleep(10)
        assert tried < len(to(house, "down.example")) <= tried + 2  # nor is everything tried for that
        assert {one.next_try for one in await house.queued() if not one.attempts} == {until}
        for outcomes in house.transport.outcomes.values():
            outcomes[:] = [OK]
        assert await house.db.write(queue.retry, Selection(), house.clock.now())
        house.bus.publish(QUEUE)
        await asyncio.sleep(100)
    assert await house.queued() == []


@in_a_house
async def test_no_rest_is_longer_than_the_pauses_of_the_schedule(house: House) -> None:
    house.schedule = Schedule(retry=(SECOND, 2 * SECOND))
    await fill(house, 30)
    async with running(house.worker(grace=0)):
        await asyncio.sleep(60)
    assert len(to(house, "down.example")) > 20


@in_a_house
async def test_senders_are_warned_and_told_on_time_however_long_it_rests(house: House) -> None:
    """Of those, too, that were never tried themselves."""
    await fill(house, 40)
    async with running(house.worker(grace=0)):
        await asyncio.sleep(4 * HOUR / SECOND - 1)
        assert await house.notices() == []
        await asyncio.sleep(5 * MINUTE / SECOND)
        warnings = sum(b"Action: delayed" in notice for notice in await house.notices())
        assert warnings == 40
        await asyncio.sleep((5 * DAY - 4 * HOUR - 5 * MINUTE) / SECOND)
        assert len(await house.queued()) == 40
        await asyncio.sleep(5 * MINUTE / SECOND)
        assert await house.queued() == []
    notices = Counter(b"Action: failed" in notice for notice in await house.notices())
    assert notices == {True: 40, False: 40}
    assert (await house.balance()).bounced == 40
    assert len(to(house, "down.example")) < 40 * 20  # by the schedule alone it would be 40 times 38


@in_a_house
async def test_a_refusal_is_no_reason_to_rest(house: House) -> None:
    for number in range(20):
        house.transport.outcomes[f"u{number}@grey.example"] = [LATER, OK]
        await house.put(f"u{number}@grey.example")
    async with running(house.worker(grace=0)):
        await asyncio.sleep(20)
        assert len(to(house, "grey.example")) == 20
        await asyncio.sleep(10 * 60)
    assert (await house.balance()).relayed == 20


@in_a_house
async def test_a_server_that_takes_few_connections_gets_few(house: House) -> None:
    """More than two at once are refused, as by a server that counts connections."""
    inner, most = house.transport.deliver, 0

    async def deliver(*args: object) -> object:
        nonlocal most
        most = max(most, house.transport.running + 1)
        crowded = house.transport.running >= 2
        outcomes = await inner(*args)  # type: ignore[arg-type]
        return [replace(DOWN, host=HOST)] * len(outcomes) if crowded else outcomes

    house.transport.deliver = deliver  # type: ignore[method-assign,assignment]
    for number in range(100):
        await house.put(f"u{number}@few.example")
    async with running(house.worker(per_destination=20, grace=0)):
        await asyncio.sleep(HOUR / SECOND)
    assert (await house.balance()).relayed == 100
    assert most == 5
    assert len(house.transport.calls) < 150


@in_a_house
async def test_stopping_while_it_rests_leaves_nothing_leased(house: House) -> None:
    await fill(house, 50)
    async with running(house.worker(grace=0)):
        await asyncio.sleep(0.5)
    assert {one.state for one in await house.queued()} == {State.WAITING}


@in_a_house
async def test_the_rate_of_a_destination(house: House) -> None:
    for number in range(10):
        await house.put(f"u{number}@there.example")
    async with running(house.worker(rate=30)):
        await house.until(lambda: len(house.transport.contents) == 10)
    tried = to(house, "there.example")
    assert tried[-1] - tried[0] == 18


class Hesitant(FakeTransport):
    """Takes some turns of the loop before it answers."""

    turns = 0

    async def deliver(self, message: Outgoing, recipients: Sequence[Address]) -> list[Outcome]:
        outcomes = await super().deliver(message, recipients)
        for _ in range(self.turns):
            await asyncio.sleep(0)
        return outcomes


@pytest.mark.parametrize("turns", range(12))
def test_what_is_called_off_before_it_began_leaves_no_trace(turns: int) -> None:
    """A destination begins to rest at the very turn of the loop at which more for it was claimed."""

    @in_a_house
    async def story(house: House) -> None:
        house.transport = slow = Hesitant(house.clock)
        slow.turns = turns
        await fill(house, 1)
        async with running(house.worker(per_destination=1)):
            await asyncio.sleep(1)
            await fill(house, 20)
            house.bus.publish(QUEUE)
            await asyncio.sleep(30)
            for outcomes in slow.outcomes.values():
                outcomes[:] = [OK]
            await asyncio.sleep(2 * HOUR / SECOND)
            assert await house.queued() == []

    story()
