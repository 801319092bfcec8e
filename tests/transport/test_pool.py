from __future__ import annotations

import asyncio

from correo.clock.virtual import VirtualClock, run
from correo.mail.instant import DAY, SECOND
from correo.mail.status import Status
from correo.transport.connection import Trouble
from correo.transport.hops import Hop
from correo.transport.pool import MAX_SILENT, Room, Silent, Slots

HOP = Hop("mx.there.example", "10.0.0.1", 25)
SILENT = Trouble(Status(451, "4.4.1", "no answer"), timed_out=True)


def test_a_silent_host_is_remembered_for_a_while() -> None:
    clock = VirtualClock()
    silent = Silent(clock, 30.0)
    silent.note(HOP, SILENT)
    clock.advance(30 * SECOND - 1)
    assert silent.known(HOP) == SILENT
    assert silent.known(Hop("mx.there.example", "10.0.0.1", 26)) is None
    clock.advance(1)
    assert silent.known(HOP) is None


def test_a_host_that_answers_is_not_silent() -> None:
    silent = Silent(VirtualClock(), 30.0)
    silent.note(HOP, Trouble(Status(451, "4.4.1", "refused")))
    assert silent.known(HOP) is None


def test_a_clock_that_is_set_back_makes_no_host_silent_for_long() -> None:
    clock = VirtualClock()
    silent = Silent(clock, 30.0)
    silent.note(HOP, SILENT)
    clock.advance(-DAY)
    assert silent.known(HOP) is None


def test_the_memory_of_silent_hosts_is_bounded() -> None:
    silent = Silent(VirtualClock(), 30.0)
    for port in range(MAX_SILENT + 10):
        silent.note(Hop("mx.there.example", "10.0.0.1", port), SILENT)
    assert silent.known(Hop("mx.there.example", "10.0.0.1", 9)) is None
    assert silent.known(Hop("mx.there.example", "10.0.0.1", 10)) == SILENT


class Crowd:
    """Counts who is in a slot."""

    def __init__(self, total: int, by_lane: int) -> None:
        self.slots = Slots(total, by_lane)
        self.inside: list[str] = []
        self.order: list[int] = []
        self.most = 0

    async def enter(self, lane: str, number: int = 0) -> None:
        async with self.slots.slot(lane):
            self.inside.append(lane)
            self.order.append(number)
            self.most = max(self.most, len(self.inside))
            await asyncio.sleep(1)
            self.inside.remove(lane)


def test_slots_bound_lanes_and_total() -> None:
    async def main() -> None:
        crowd = Crowd(total=5, by_lane=2)
        tasks = [asyncio.ensure_future(crowd.enter(f"l{number % 4}", number)) for number in range(40)]
        await asyncio.sleep(0.5)
        assert len(crowd.inside) == 5
        assert max(crowd.inside.count(lane) for lane in crowd.inside) <= 2
        await asyncio.gather(*tasks)
        assert crowd.most == 5
        assert [number for number in crowd.order if number % 4 == 1] == list(range(1, 40, 4))

    run(main())


def test_a_full_lane_takes_no_place_from_others() -> None:
    async def main() -> None:
        crowd = Crowd(total=3, by_lane=1)
        slow = [asyncio.ensure_future(crowd.enter("slow")) for _ in range(10)]
        await asyncio.sleep(0.1)
        quick = asyncio.ensure_future(crowd.enter("quick"))
        await asyncio.sleep(0.1)
        assert sorted(crowd.inside) == ["quick", "slow"]
        await asyncio.gather(quick, *slow)

    run(main())


def test_who_gives_up_waiting_leaves_his_place() -> None:
    async def main() -> None:
        crowd = Crowd(total=1, by_lane=1)
        first, second, third = (asyncio.ensure_future(crowd.enter("lane", n)) for n in range(3))
        await asyncio.sleep(0.1)
        second.cancel()
        await asyncio.gather(first, third)
        assert crowd.order == [0, 2]

    run(main())


def test_room_is_given_in_order_and_given_back() -> None:
    async def main() -> None:
        room, order, inside = Room(100), list[int](), list[int]()

        async def stay(octets: int) -> None:
            async with room.hold(octets):
                order.append(octets)
                inside.append(octets)
                assert sum(inside) <= 100 or inside == [octets]
                await asyncio.sleep(1)
                inside.remove(octets)

        tasks = [asyncio.ensure_future(stay(octets)) for octets in (60, 50, 30, 500, 10, 40)]
        await asyncio.sleep(0.5)
        assert order == [60]
        tasks[1].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert order == [60, 30, 500, 10, 40]
        async with asyncio.timeout(1), room.hold(100):
            pass

    run(main())
