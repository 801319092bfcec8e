"""Work that nobody waits for leaves the time to others."""

from __future__ import annotations

import pytest

from correo.ops.leisure import BUSY, GLANCE, Leisure


class World:
    def __init__(self, late: float = 0.0) -> None:
        self.now = 100.0
        self.late = late
        self.slept: list[float] = []

    def time(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds + self.late


async def test_it_rests_as_long_as_it_worked() -> None:
    world = World()
    leisure = Leisure(world.time, world.sleep)
    for worked in (0.5, 0.25):
        world.now += worked
        await leisure.rest()
    assert world.slept == [0.5, 0.25]


async def test_it_rests_a_little_after_little_work() -> None:
    world = World()
    await Leisure(world.time, world.sleep).rest()
    assert world.slept == [GLANCE]


async def test_it_rests_long_while_others_are_busy() -> None:
    world = World(late=0.01)
    leisure = Leisure(world.time, world.sleep)
    world.now += 0.5
    await leisure.rest()
    assert world.slept == pytest.approx([0.5, 0.5 * BUSY])
