"""Time that can be turned, and ids that only grow."""

from __future__ import annotations

import asyncio

from correo.clock.system import SystemChance, SystemClock
from correo.clock.virtual import START, SeededChance, VirtualClock, VirtualLoop, run


def test_five_days_take_no_time() -> None:
    async def wait() -> int:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        clock = VirtualClock(loop)
        order: list[str] = []

        async def after(seconds: float, name: str) -> None:
            await asyncio.sleep(seconds)
            order.append(name)

        await asyncio.gather(after(5 * 86400, "last"), after(1, "first"), after(60, "second"))
        assert order == ["first", "second", "last"]
        return clock.now()

    assert run(wait()) == START + 5 * 86400 * 1_000_000


def test_timeouts_are_virtual_too() -> None:
    async def wait() -> None:
        try:
            async with asyncio.timeout(3600):
                await asyncio.get_running_loop().create_future()
        except TimeoutError:
            return
        raise AssertionError

    run(wait())


def test_ids_grow_even_when_the_clock_is_set_back() -> None:
    chance = SystemChance()
    now = SystemClock().now()
    ids = [chance.id(now - step * 1_000_000) for step in range(1000)] + [chance.id(now + 10_000_000)]
    assert ids == sorted(set(ids))
    assert 0 < ids[0] < 1 << 63
    assert ids[-1] < 1 << 63


def test_two_processes_part_ways() -> None:
    now = SystemClock().now()
    assert len({SystemChance().id(now) for _ in range(50)}) > 45


def test_processes_with_a_seat_never_meet() -> None:
    seats = 8
    many = [SystemChance(seat, seats) for seat in range(seats)]
    ids = [[chance.id(START + step // 50) for step in range(20_000)] for chance in many]
    for seat, mine in enumerate(ids):
        assert {id % seats for id in mine} == {seat}
        assert mine == sorted(set(mine))


def test_one_seed_is_one_story() -> None:
    first, second = SeededChance(7), SeededChance(7)
    assert [first.id(5), first.secret(8), first.random.random()] == [
        second.id(5),
        second.secret(8),
        second.random.random(),
    ]
