from __future__ import annotations

import asyncio

import pytest

from correo.clock import virtual
from correo.dns.flights import Flights


class Runway:
    """Counts starts; each takes a second."""

    def __init__(self) -> None:
        self.flights: Flights[str, int] = Flights()
        self.started = 0
        self.ended = 0

    async def fly(self) -> int:
        self.started += 1
        number = self.started
        await asyncio.sleep(1)
        self.ended += 1
        return number

    async def ask(self, key: str = "a") -> int:
        return await self.flights.share(key, self.fly)


def test_the_same_key_flies_once() -> None:
    async def main() -> None:
        runway = Runway()
        results = await asyncio.gather(runway.ask(), runway.ask(), runway.ask("b"))
        assert list(results) == [1, 1, 2]
        assert await runway.ask() == 3

    virtual.run(main())


def test_one_who_leaves_does_not_disturb_the_others() -> None:
    async def main() -> None:
        runway = Runway()
        patient = asyncio.create_task(runway.ask())
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(runway.ask(), 0.5)
        assert await patient == 1
        assert runway.started == 1

    virtual.run(main())


def test_nobody_left_ends_it_and_the_next_starts_anew() -> None:
    async def main() -> None:
        runway = Runway()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(runway.ask(), 0.5)
        assert await runway.ask() == 2
        assert (runway.started, runway.ended) == (2, 1)

    virtual.run(main())


def test_all_get_the_exception() -> None:
    async def crash() -> int:
        await asyncio.sleep(1)
        raise KeyError("gone")

    async def main() -> None:
        flights: Flights[str, int] = Flights()
        results = await asyncio.gather(*(flights.share("a", crash) for _ in range(3)), return_exceptions=True)
        assert [type(result) for result in results] == [KeyError] * 3

    virtual.run(main())
