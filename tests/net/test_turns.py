"""Turns: order, how many in a round, and that others get theirs meanwhile."""

from __future__ import annotations

import asyncio

from correo.net.turns import Turns


async def test_who_comes_alone_never_waits() -> None:
    turns = Turns(1)
    for _ in range(3):
        taking = turns.take()
        try:
            taking.send(None)
        except StopIteration:
            await asyncio.sleep(0)
            continue
        raise AssertionError("it waited")


async def test_only_so_many_pass_in_one_round_and_in_order() -> None:
    turns, passed = Turns(3), []

    async def client(number: int) -> None:
        await turns.take()
        passed.append(number)

    tasks = [asyncio.create_task(client(number)) for number in range(10)]
    counts = []
    while len(passed) < 10:
        before = len(passed)
        await asyncio.sleep(0)
        counts.append(len(passed) - before)
    assert max(counts) == 3
    assert passed == list(range(10))
    await asyncio.gather(*tasks)


async def test_somebody_else_is_served_between_rounds() -> None:
    turns, passed, seen = Turns(1), [], []

    async def client(number: int) -> None:
        await turns.take()
        passed.append(number)

    async def reader() -> None:
        while len(passed) < 20:
            seen.append(len(passed))
            await asyncio.sleep(0)

    await asyncio.gather(*(client(number) for number in range(20)), reader())
    assert len(set(seen)) >= 10


async def test_who_gives_up_takes_no_turn_from_others() -> None:
    turns, passed = Turns(1), []

    async def client(number: int) -> None:
        await turns.take()
        passed.append(number)

    tasks = [asyncio.create_task(client(number)) for number in range(4)]
    await asyncio.sleep(0)
    for task in tasks[1:3]:
        task.cancel()
    await asyncio.wait_for(tasks[3], 1)
    assert passed == [0, 3]


async def test_who_came_later_does_not_pass_those_who_wait() -> None:
    turns, passed = Turns(1), []

    async def client(number: int, rounds: int) -> None:
        for _ in range(rounds):
            await turns.take()
            passed.append(number)

    await asyncio.gather(client(0, 5), client(1, 5))
    assert passed == [0, 0, 1, 0, 1, 0, 1, 0, 1, 1]
