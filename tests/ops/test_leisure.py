"""Work that nobody waits for leaves the time to others."""

from __future__ import annotations

import pytest

from correo.ops.leisure import BUSY, GLANCE, LONGEST, TAKEN, Leisure


class World:
    def __init__(self, late: float = 0.0, share: float = 0.0) -> None:
        self.now = 100.0
        self.late = late
        self.share = share  # of a processor that others in the process take
        self.slept: list[float] = []

    def time(self) -> float:
        return self.now

    def taken(self) -> float:
        return self.now * self.share

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds + self.late


async def test_it_rests_as_long_as_it_worked() -> None:
    world = World()
    leisure = Leisure(world.time, world.sleep)
    for worked in (0.05, 0.025):
        world.now += worked
        await leisure.rest()
    assert world.slept == pytest.approx([0.05, 0.025])


async def test_it_rests_a_little_after_little_work() -> None:
    world = World()
    await Leisure(world.time, world.sleep).rest()
    assert world.slept == [GLANCE]


async def test_it_rests_long_while_others_are_busy() -> None:
    world = World(late=0.01)
    leisure = Leisure(world.time, world.sleep)
    world.now += 0.05
    await leisure.rest()
    assert world.slept == pytest.approx([0.05, 0.05 * BUSY])


@pytest.mark.parametrize(("share", "rests"), [(TAKEN - 0.01, [0.05]), (TAKEN + 0.01, [0.05, 0.05 * BUSY])])
async def test_it_rests_long_while_the_process_is_busy(share: float, rests: list[float]) -> None:
    """Who answers mail at once is not late, and would be slower all the same."""
    world = World(share=share)
    leisure = Leisure(world.time, world.sleep, world.taken)
    world.now += 0.05
    await leisure.rest()
    assert world.slept == pytest.approx(rests)


async def test_an_hour_without_work_is_no_work() -> None:
    """New mail after a quiet time is indexed at once, whatever else is going on."""
    world = World(late=0.01)
    leisure = Leisure(world.time, world.sleep)
    world.now += 3_600
    await leisure.rest()
    assert world.slept == pytest.approx([LONGEST, LONGEST * BUSY])
