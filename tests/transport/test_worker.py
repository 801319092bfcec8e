from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from tests.transport.house import LATER, NEVER, OK, TEXT, House, in_a_house

from correo import queue
from correo.mail.errors import Kind, Refused
from correo.mail.instant import DAY, HOUR, MINUTE, SECOND
from correo.queue import State
from correo.queue.schedule import Schedule
from correo.storage.bus import QUEUE
from correo.transport.leases import LEASE
from correo.transport.worker import INLINE_SIZE, REST, Worker


@asynccontextmanager
async def running(worker: Worker) -> AsyncIterator[None]:
    task = asyncio.ensure_future(worker.run())
    try:
        yield
    finally:
        worker.stop()
        await task


@in_a_house
async def test_what_is_queued_is_delivered_at_once(house: House) -> None:
    async with running(house.worker()):
        await asyncio.sleep(100)
        started = house.clock.now()
        await house.put("bob@there.example")
        await house.until(lambda: bool(house.transport.contents))
        assert house.transport.calls[0][0] == started
        assert house.transport.contents == [TEXT]
    assert await house.queued() == []
    assert (await house.balance()).relayed == 1
    assert house.transport.closed


@in_a_house
async def test_what_was_queued_before_the_start_is_delivered(house: House) -> None:
    await house.put("bob@there.example")
    async with running(house.worker()):
        await house.until(lambda: bool(house.transport.contents))


@in_a_house
async def test_recipients_of_one_destination_go_together_and_others_apart(house: House) -> None:
    await house.put("bob@there.example", "eva@there.example", "zoe@other.example")
    async with running(house.worker()):
        await house.until(lambda: len(house.transport.contents) == 2)
    assert {names for _, names in house.transport.calls} == {
        ("bob@there.example", "eva@there.example"),
        ("zoe@other.example",),
    }


@in_a_house
async def test_no_transaction_has_more_than_a_hundred_recipients(house: House) -> None:
    await house.put(*(f"u{number}@there.example" for number in range(250)))
    async with running(house.worker()):
        await house.until(lambda: sum(len(names) for _, names in house.transport.calls) == 250)
    assert max(len(names) for _, names in house.transport.calls) == 100
    assert (await house.balance()).relayed == 250


@in_a_house
async def test_five_days_with_a_server_that_is_down(house: House) -> None:
    house.transport.outcomes["bob@there.example"] = [LATER]
    id = await house.put("bob@there.example")
    start = house.clock.now()
    async with running(house.worker()):
        await asyncio.sleep(6 * 86_400)
    times = [at - start for at, _ in house.transport.calls]
    assert 30 < len(times) < 50
    assert times[1] < 6 * MINUTE
    assert 5 * DAY <= times[-1] < 5 * DAY + 5 * SECOND
    warning, notice = await house.notices()
    assert b"Action: delayed" in warning
    assert b"Action: failed" in notice
    events = [event for _, event in await house.events(id)]
    assert events.count("warned") == 1
    assert events[-1] == "bounced"
    assert (await house.balance()).difference == 0


@in_a_house
async def test_greylisting_is_over_at_the_second_try(house: House) -> None:
    house.transport.outcomes["bob@there.example"] = [LATER, OK]
    await house.put("bob@there.example")
    async with running(house.worker()):
        await asyncio.sleep(600)
    assert len(house.transport.calls) == 2
    assert (await house.balance()).relayed == 1


@in_a_house
async def test_a_failure_tells_the_sender_and_whoever_waits_for_the_inbox(house: House) -> None:
    told: list[int] = []
    house.bus.subscribe(("account", house.account), lambda: told.append(1))
    house.transport.outcomes["bob@there.example"] = [NEVER]
    await house.put("bob@there.example")
    async with running(house.worker()):
        await house.until(lambda: bool(told))
    assert len(await house.notices()) == 1


@in_a_house
async def test_limits_hold(house: House) -> None:
    for number in range(60):
        await house.put(f"u{number}@d{number % 3}.example")
    async with running(house.worker(concurrency=4, per_destination=2)):
        await house.until(lambda: len(house.transport.contents) == 60)
    assert house.transport.most == 4


@in_a_house
async def test_a_busy_destination_does_not_keep_others_waiting(house: House) -> None:
    house.transport.seconds = 100.0
    for number in range(300):
        await house.put(f"u{number}@large.example")
    async with running(house.worker(concurrency=10, per_destination=2, grace=0)):
        await asyncio.sleep(150)
        at = house.clock.now()
        await house.put("zoe@small.example")
        await asyncio.sleep(1)
        assert (at, ("zoe@small.example",)) in house.transport.calls


@in_a_house
async def test_one_large_message_to_a_slow_destination_does_not_fill_the_hand(house: House) -> None:
    house.transport.seconds = 1000.0
    for _ in range(3):
        await house.put(*(f"u{number}@large.example" for number in range(400)))
    async with running(house.worker(concurrency=2, per_destination=1, grace=0)):
        await asyncio.sleep(150)
        at = house.clock.now()
        await house.put("zoe@small.example")
        await asyncio.sleep(1)
        assert (at, ("zoe@small.example",)) in house.transport.calls


@in_a_house
async def test_what_was_waiting_goes_on_beside_slow_destinations(house: House) -> None:
    """Nothing new comes that would wake the worker: what ends must."""
    slow = [f"slow{number}.example" for number in range(3)]
    house.transport.slow = dict.fromkeys(slow, 10000.0)
    for name in slow:
        await house.put(*(f"u{number}@{name}" for number in range(200)))
    async with running(house.worker(concurrency=8, per_destination=2, grace=0)):
        await asyncio.sleep(1)
        for number in range(900):
            await house.put(f"u{number}@d{number}.example")
        await house.until(lambda: len(house.transport.contents) == 900, seconds=1000)


@in_a_house
async def test_large_messages_share_the_memory_there_is(house: House) -> None:
    large = b"Subject: large\r\n\r\n" + b"x" * 2 * INLINE_SIZE + b"\r\n"
    house.transport.sending = 10.0
    await house.put(*(f"bob@d{number}.example" for number in range(9)), text=large)
    async with running(house.worker(memory=4 * len(large))):  # three of them for large ones
        await house.until(lambda: len(house.transport.contents) == 3)
        await house.put("zoe@small.example")
        await house.until(lambda: TEXT in house.transport.contents, seconds=5)
        await house.until(lambda: len(house.transport.contents) == 10)
    assert house.transport.most_holding == 4


@in_a_house
async def test_a_backlog_that_nobody_takes_is_not_looked_at_all_the_time(house: House) -> None:
    """Each look costs as much as the backlog is long, and each message that arrives asks for one."""
    note, looks = house.db.note, 0

    async def slow(op: Any, *args: Any, **kwargs: Any) -> Any:
        nonlocal looks
        if op is queue.claim:
            looks += 1
            await asyncio.sleep(0.01)
        return await note(op, *args, **kwargs)

    house.db.note = slow  # type: ignore[method-assign]
    house.transport.slow = {"large.example": 10**6}
    await house.put(*(f"u{number}@large.example" for number in range(900)))
    async with running(house.worker(grace=0)):
        await asyncio.sleep(10)
        looks = 0
        for _ in range(1000):
            house.bus.publish(QUEUE)
            await asyncio.sleep(0.001)
        assert looks <= 1000 / (10 * (1 + REST)) + 1


@in_a_house
async def test_cancelling_does_not_wait_for_a_full_disk(house: House) -> None:
    write = house.db.write

    async def full(op: Any, *args: Any, **kwargs: Any) -> Any:
        if op.__name__ == "settle":
            raise Refused(Kind.UNAVAILABLE, "disk full")
        return await write(op, *args, **kwargs)

    house.db.write = house.db.join = full  # type: ignore[method-assign]
    await house.put("bob@there.example")
    task = asyncio.ensure_future(house.worker().run())
    await asyncio.sleep(60)
    task.cancel()
    async with asyncio.timeout(60):
        await asyncio.gather(task, return_exceptions=True)
    (bob,) = await house.queued()
    assert bob.state is State.WAITING


@in_a_house
async def test_a_backlog_of_one_destination_is_worked_off(house: House) -> None:
    for number in range(350):
        await house.put(f"u{number}@large.example")
    async with running(house.worker(concurrency=10, per_destination=5)):
        await house.until(lambda: len(house.transport.contents) == 350, seconds=100)
    assert house.transport.most == 5


@in_a_house
async def test_two_workers_share_a_queue(house: House) -> None:
    for number in range(40):
        await house.put(f"u{number}@d{number}.example")
    async with running(house.worker()), running(house.worker()):
        await house.until(lambda: len(house.transport.contents) == 40)
    assert len(house.transport.calls) == 40
    assert (await house.balance()).relayed == 40


@in_a_house
async def test_a_crash_loses_nothing(house: House) -> None:
    house.transport.seconds = 10.0
    await house.put("bob@there.example")
    crashed = asyncio.ensure_future(house.worker().run())
    await asyncio.sleep(5)
    assert [one.state for one in await house.queued()] == [State.ACTIVE]
    # As a crash leaves it: the lease stays, and nobody prolongs it.
    (held,) = await house.queued()
    crashed.cancel()
    await asyncio.wait([crashed])
    await house.db.write(
        queue.claim, owner="dead", now=house.clock.now(), lease_until=held.lease_until, limit=1
    )
    async with running(house.worker()):
        await asyncio.sleep(LEASE / SECOND - 10)
        assert len(house.transport.calls) == 1
        await asyncio.sleep(90)
        assert len(house.transport.calls) == 2
    assert (await house.balance()).relayed == 1


@in_a_house
async def test_a_slow_delivery_keeps_its_lease(house: House) -> None:
    house.transport.seconds = 3 * LEASE / SECOND
    await house.put("bob@there.example")
    async with running(house.worker()), running(house.worker()):
        await house.until(lambda: bool(house.transport.contents))
    assert len(house.transport.calls) == 1
    assert (await house.balance()).relayed == 1


@in_a_house
async def test_stopping_lets_what_runs_come_to_its_end(house: House) -> None:
    house.transport.seconds = 10.0
    await house.put("bob@there.example")
    async with running(house.worker(grace=20)):
        await asyncio.sleep(1)
    assert (await house.balance()).relayed == 1


@in_a_house
async def test_stopping_gives_back_what_takes_too_long_or_has_not_begun(house: House) -> None:
    house.transport.seconds = 100.0
    for number in range(9):
        await house.put(f"u{number}@there.example")
    start = house.clock.now()
    async with running(house.worker(per_destination=2, grace=20)):
        await asyncio.sleep(1)
    assert house.clock.now() - start < 30 * SECOND
    assert len(house.transport.calls) == 2
    left = await house.queued()
    assert {(one.state, one.attempts) for one in left} == {(State.WAITING, 0)}
    assert len(left) == 9


@in_a_house
async def test_cancelling_gives_back_too(house: House) -> None:
    house.transport.seconds = 100.0
    await house.put("bob@there.example")
    task = asyncio.ensure_future(house.worker().run())
    await asyncio.sleep(1)
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()
    assert [one.state for one in await house.queued()] == [State.WAITING]
    assert house.transport.closed


@in_a_house
async def test_a_fault_of_ours_defers(house: House) -> None:
    house.transport.fault = RuntimeError("a secret of the house")
    await house.put("bob@there.example")
    async with running(house.worker()):
        await house.until(lambda: house.transport.running == 0 and bool(house.transport.calls))
        await asyncio.sleep(1)
        (bob,) = await house.queued()
        assert bob.status
        assert bob.status.enhanced == "4.3.0"
        assert "secret" not in bob.status.text


@in_a_house
async def test_what_was_relayed_is_settled_when_the_disk_has_room_again(house: House) -> None:
    refusals = 3
    write = house.db.write

    async def full(op: Any, *args: Any, **kwargs: Any) -> Any:
        nonlocal refusals
        if op.__name__ == "settle" and refusals:
            refusals -= 1
            raise Refused(Kind.UNAVAILABLE, "disk full")
        return await write(op, *args, **kwargs)

    house.db.write = house.db.join = full  # type: ignore[method-assign]
    await house.put("bob@there.example")
    async with running(house.worker()):
        await asyncio.sleep(60)
    assert len(house.transport.calls) == 1
    assert (await house.balance()).relayed == 1


@in_a_house
async def test_what_the_operator_retries_is_tried_at_once(house: House) -> None:
    house.schedule = Schedule(retry=(10 * HOUR,))
    house.transport.outcomes["bob@there.example"] = [LATER, OK]
    await house.put("bob@there.example")
    async with running(house.worker()):
        await asyncio.sleep(60)
        await house.db.write(queue.retry, queue.Selection(), house.clock.now())
        house.bus.publish(QUEUE)
        await asyncio.sleep(5)
        assert len(house.transport.calls) == 2
