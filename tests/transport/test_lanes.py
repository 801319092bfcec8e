"""How many, how often, and when not at all."""

from __future__ import annotations

import asyncio
from itertools import pairwise

from correo.clock.virtual import SeededChance, run
from correo.mail.instant import DAY, MINUTE
from correo.mail.outcome import Deferred, Delivered, Failed, Outcome
from correo.mail.status import Status
from correo.transport.lanes import FIRST_REST, MAX_LANES, MAX_REST, START, Lane, Lanes, Limits

OK = Delivered(Status(250, "2.0.0", "ok"), "mx.there.example")
NO = Failed(Status(550, "5.1.1", "who?"), "mx.there.example")
LATER = Deferred(Status(451, "4.7.1", "later"), "mx.there.example")
DOWN = Deferred(Status(451, "4.4.1", "nobody there"), unreachable=True)
NOW = 10**15


def learn(
    lane: Lane, outcome: Outcome, now: int = NOW, *, running: int = 1, began: int | None = None
) -> bool:
    lane.running = running
    rest = lane.learn([outcome], now if began is None else began, now, SeededChance(1))
    lane.running = 0
    return rest is not None


def test_it_grows_by_one_for_each_round_that_goes_well() -> None:
    lane = Lane(Limits(8))
    assert lane.at_once == START
    for _ in range(START):
        learn(lane, OK)
    assert lane.at_once in (START, START + 1)
    for _ in range(100):
        learn(lane, NO)  # it answers, and that is what counts
    assert lane.at_once == 8


def test_it_halves_once_for_each_round_that_does_not() -> None:
    lane = Lane(Limits(40))
    for _ in range(2_000):
        learn(lane, OK)
    assert lane.at_once == 40
    for _ in range(40):
        learn(lane, LATER, NOW + 10, running=40, began=NOW)
    assert lane.at_once == 20
    learn(lane, DOWN, NOW + 30, running=20, began=NOW + 20)
    assert lane.at_once == 10
    for time in range(40, 100):
        learn(lane, LATER, NOW + time + 1, began=NOW + time)
    assert lane.at_once == 1


def test_a_few_that_are_taken_make_a_good_round() -> None:
    lane = Lane(Limits(START))
    lane.running = 1
    assert lane.learn([LATER, OK, DOWN], NOW, NOW, SeededChance(1)) is None
    assert lane.at_once == START


def test_it_rests_longer_each_time_until_somebody_gets_through() -> None:
    lane = Lane(Limits(5))
    now, pauses = NOW, []
    for _ in range(9):
        assert learn(lane, DOWN, now)
        rest = lane.rest(now)
        assert rest is not None
        assert rest.trouble == DOWN
        pauses.append(rest.until - now)
        assert lane.rest(rest.until - 1) is rest
        assert lane.rest(rest.until) is None
        now = rest.until
    assert 0.9 * FIRST_REST <= pauses[0] <= 1.1 * FIRST_REST
    assert all(later > 1.5 * sooner for sooner, later in pairwise(pauses[:6]))
    assert 0.9 * MAX_REST <= pauses[-1] <= 1.1 * MAX_REST
    assert lane.at_once == 1
    learn(lane, OK, now)
    assert learn(lane, DOWN, now)
    rest = lane.rest(now)
    assert rest is not None
    assert rest.until - now < 2 * MINUTE


def test_nobody_rests_while_others_get_through() -> None:
    lane = Lane(Limits(5))
    assert not learn(lane, DOWN, running=2)
    assert lane.rest(NOW) is None
    assert lane.at_once == 2


def test_a_refusal_ends_a_rest_for_the_server_is_there() -> None:
    lane = Lane(Limits(5))
    learn(lane, DOWN)
    learn(lane, LATER, NOW + 1)
    assert lane.rest(NOW + 1) is None


def test_what_failed_without_a_server_says_nothing_about_one() -> None:
    lane = Lane(Limits(5))
    learn(lane, DOWN)
    learn(lane, Failed(Status(554, "5.4.7", "too late")), NOW + 1)
    assert lane.rest(NOW + 1)
    assert lane.at_once == 1


def test_a_clock_that_is_set_back_ends_a_rest() -> None:
    lane = Lane(Limits(5))
    learn(lane, DOWN)
    assert lane.rest(NOW - DAY) is None


def test_the_rate_is_kept() -> None:
    async def main() -> None:
        lanes, limits, begun = Lanes(10), Limits(3, rate=6), list[float]()
        loop = asyncio.get_running_loop()

        async def deliver() -> None:
            async with lanes.slot(lanes.lane("lane", limits)):
                begun.append(loop.time())

        start = loop.time()
        await asyncio.gather(*(deliver() for _ in range(7)))
        assert [round(time - start) for time in begun] == [0, 10, 20, 30, 40, 50, 60]

    run(main())


def test_what_grows_lets_those_in_who_wait() -> None:
    async def main() -> None:
        lanes = Lanes(100)
        lane, inside, most = lanes.lane("lane", Limits(20)), 0, 0

        async def deliver() -> None:
            nonlocal inside, most
            async with lanes.slot(lane):
                inside += 1
                most = max(most, inside)
                await asyncio.sleep(1)
                lane.learn([OK], NOW, NOW, SeededChance(1))
                inside -= 1

        async with asyncio.timeout(100):
            await asyncio.gather(*(deliver() for _ in range(400)))
        assert most == 20
        assert lane.running == lane.users == 0

    run(main())


def test_the_memory_of_lanes_is_bounded_and_keeps_what_is_unusual() -> None:
    async def main() -> None:
        lanes = Lanes(5)
        learn(lanes.lane("down.example", Limits(5)), DOWN)
        for number in range(3 * MAX_LANES):
            lanes.lane(f"d{number}.example", Limits(5))
        kept = [number for number in range(3 * MAX_LANES) if lanes.known(f"d{number}.example")]
        assert len(kept) <= MAX_LANES
        assert kept[-1] == 3 * MAX_LANES - 1
        down = lanes.known("down.example")
        assert down is not None
        assert down.rest(NOW)

    run(main())


class Crowd:
    """Counts who is in a slot."""

    def __init__(self, total: int, by_lane: int) -> None:
        self.lanes = Lanes(total)
        self.limits = Limits(by_lane)
        self.inside: list[str] = []
        self.order: list[int] = []
        self.most = 0

    async def enter(self, lane: str, number: int = 0) -> None:
        async with self.lanes.slot(self.lanes.lane(lane, self.limits)):
            self.inside.append(lane)
            self.order.append(number)
            self.most = max(self.most, len(self.inside))
            await asyncio.sleep(1)
            self.inside.remove(lane)


def test_places_bound_lanes_and_total() -> None:
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
