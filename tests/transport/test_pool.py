from __future__ import annotations

import asyncio

from correo.clock.virtual import VirtualClock, run
from correo.mail.instant import DAY, SECOND
from correo.mail.status import Status
from correo.transport.connection import Trouble
from correo.transport.hops import Hop
from correo.transport.pool import MAX_SILENT, Room, Silent

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


def test_room_is_given_in_order_and_given_back() -> None:
    async def main() -> None:
        room, order, inside = Room(133), list[int](), list[int]()  # 100 of them for large ones

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


def test_small_messages_do_not_wait_behind_large_ones() -> None:
    async def main() -> None:
        room, order = Room(6400), list[int]()

        async def stay(octets: int, seconds: float) -> None:
            async with room.hold(octets):
                order.append(octets)
                await asyncio.sleep(seconds)

        large = [asyncio.ensure_future(stay(3000, 600)) for _ in range(3)]
        small = [asyncio.ensure_future(stay(100, 1)) for _ in range(40)]
        await asyncio.sleep(5)
        assert order == [3000] + [100] * 40
        await asyncio.gather(*large, *small)
        assert order.count(3000) == 3

    run(main())


def test_large_messages_are_not_kept_out_by_small_ones() -> None:
    async def main() -> None:
        room, order = Room(6400), list[int]()

        async def stay(octets: int) -> None:
            async with room.hold(octets):
                order.append(octets)
                await asyncio.sleep(1)

        tasks = [asyncio.ensure_future(stay(100)) for _ in range(60)]
        tasks.append(asyncio.ensure_future(stay(4800)))
        for _ in range(100):
            await asyncio.sleep(0.1)
            tasks += [asyncio.ensure_future(stay(100)) for _ in range(10)]
        assert 4800 in order
        await asyncio.gather(*tasks)
        assert order.count(100) == 1060
        assert room._free == 6400
        assert not room._small.used
        assert not room._large.used

    run(main())


def test_whoever_waits_in_either_line_may_go() -> None:
    async def main() -> None:
        room = Room(6400)

        async def stay(octets: int) -> None:
            async with room.hold(octets):
                await asyncio.sleep(1)

        tasks = [asyncio.ensure_future(stay(octets)) for octets in (4800, 4800, *[100] * 30, 1000)]
        await asyncio.sleep(0.5)
        for task in tasks[1::2]:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        async with asyncio.timeout(1), room.hold(4800):
            pass
        assert room._free == 6400

    run(main())
