"""What becomes of the workers, decided without any."""

from __future__ import annotations

import signal

from hypothesis import given, settings
from hypothesis import strategies as st

from correo.ops.workers.supervisor import (
    EX_UNAVAILABLE,
    FIRST_PAUSE,
    HEALTHY,
    LEAVING,
    MOST_FAILURES,
    STARTING,
    Act,
    End,
    Note,
    Serving,
    Start,
    Supervisor,
)

DRAIN = 30.0
KILLED = -signal.SIGKILL


def serving(places: int = 2) -> Supervisor:
    """At 0, with worker after worker in seats 0, 1, ..."""
    supervisor = Supervisor(places, 2 * places, DRAIN)
    supervisor.begin(0.0)
    for seat in range(places):
        supervisor.ready(seat, 0.0)
    supervisor.take()
    return supervisor


def acts(supervisor: Supervisor) -> list[Act]:
    """What it wants done, without what it only says."""
    return [act for act in supervisor.take() if not isinstance(act, Note)]


def test_the_first_worker_comes_alone_and_then_the_others() -> None:
    supervisor = Supervisor(3, 6, DRAIN)
    supervisor.begin(0.0)
    assert acts(supervisor) == [Start(0, 0)]
    supervisor.ready(0, 1.0)
    assert acts(supervisor) == [Start(1, 1), Start(2, 2)]
    supervisor.ready(2, 2.0)
    assert acts(supervisor) == []
    supervisor.ready(1, 2.5)
    assert acts(supervisor) == [Serving()]


def test_a_worker_that_cannot_start_ends_the_service_with_its_status() -> None:
    supervisor = Supervisor(2, 4, DRAIN)
    supervisor.begin(0.0)
    supervisor.ended(0, 78, 0.5)
    assert supervisor.code == 78


def test_the_second_one_too() -> None:
    supervisor = Supervisor(2, 4, DRAIN)
    supervisor.begin(0.0)
    supervisor.ready(0, 1.0)
    supervisor.take()
    supervisor.ended(1, KILLED, 1.5)
    assert acts(supervisor) == [End(0)]
    assert supervisor.code is None
    supervisor.ended(0, 0, 2.0)
    assert supervisor.code == EX_UNAVAILABLE


def test_who_dies_is_replaced_at_once_in_a_seat_that_is_free() -> None:
    supervisor = serving()
    supervisor.ended(1, KILLED, 5.0)
    assert supervisor.due == 5.0
    supervisor.wake(5.0)
    assert acts(supervisor) == [Start(1, 1)]
    supervisor.ready(1, 5.5)
    assert acts(supervisor) == []


def test_whoever_dies_again_and_again_waits_longer_and_longer_and_then_the_service_ends() -> None:
    supervisor, now, waited = serving(), 0.0, []
    for _ in range(MOST_FAILURES):
        supervisor.ended(0, 70, now)
        assert supervisor.due is not None
        waited.append(supervisor.due - now)
        now = supervisor.due
        supervisor.wake(now)
        assert acts(supervisor) == [Start(0, 0)]
    assert waited[:2] == [0.0, FIRST_PAUSE]
    assert waited == sorted(waited)
    supervisor.ended(0, 70, now)
    assert acts(supervisor) == [End(1)]
    supervisor.ended(1, 0, now)
    assert supervisor.code == 70


def test_a_place_recovers() -> None:
    supervisor, now = serving(), HEALTHY
    for _ in range(3 * MOST_FAILURES):
        supervisor.ended(0, KILLED, now)
        assert supervisor.due == now
        supervisor.wake(now)
        assert acts(supervisor) == [Start(0, 0)]
        supervisor.ready(0, now)
        now += HEALTHY


def test_who_does_not_come_up_or_does_not_go_is_killed() -> None:
    supervisor = Supervisor(1, 2, DRAIN)
    supervisor.begin(0.0)
    assert supervisor.due == STARTING
    supervisor.wake(STARTING)
    assert acts(supervisor) == [Start(0, 0), End(0, at_once=True)]
    supervisor = serving(1)
    supervisor.stop(100.0)
    assert acts(supervisor) == [End(0)]
    assert supervisor.due is not None
    assert supervisor.due == 100.0 + DRAIN + LEAVING
    supervisor.wake(supervisor.due)
    assert acts(supervisor) == [End(0, at_once=True)]
    supervisor.ended(0, KILLED, 200.0)
    assert supervisor.code == EX_UNAVAILABLE


def test_stopping() -> None:
    supervisor = serving()
    supervisor.stop(1.0)
    supervisor.stop(1.1)
    assert acts(supervisor) == [End(0), End(1)]
    supervisor.ended(0, 0, 2.0)
    assert supervisor.code is None
    supervisor.ended(1, -signal.SIGTERM, 3.0)
    assert supervisor.code == 0


def test_who_waits_for_his_turn_to_be_replaced_is_not_when_all_ends() -> None:
    supervisor = serving()
    supervisor.ended(0, KILLED, 1.0)
    supervisor.stop(1.0)
    supervisor.wake(1.0)
    assert acts(supervisor) == [End(1)]


def test_renewing_goes_place_by_place_and_the_old_one_goes_when_the_new_one_is_there() -> None:
    supervisor = serving()
    supervisor.renew(1.0)
    assert acts(supervisor) == [Start(0, 2)]
    supervisor.ready(2, 2.0)
    assert acts(supervisor) == [End(0), Start(1, 3)]
    supervisor.ended(0, 0, 2.5)
    supervisor.ready(3, 3.0)
    assert acts(supervisor) == [End(1)]
    supervisor.ended(1, 0, 3.5)
    assert acts(supervisor) == []
    assert sorted(supervisor.serving) == [2, 3]


def test_where_the_new_one_does_not_come_up_the_old_ones_stay() -> None:
    supervisor = serving()
    supervisor.renew(1.0)
    supervisor.take()
    supervisor.ended(2, 1, 1.5)
    assert acts(supervisor) == []
    assert supervisor.due is None
    assert sorted(supervisor.serving) == [0, 1]
    supervisor.renew(2.0)
    assert acts(supervisor) == [Start(0, 2)]


def test_an_old_one_that_dies_while_its_successor_comes_is_not_replaced_twice() -> None:
    supervisor = serving()
    supervisor.renew(1.0)
    supervisor.take()
    supervisor.ended(0, KILLED, 1.5)
    supervisor.ready(2, 2.0)
    supervisor.wake(2.0)
    assert acts(supervisor) == [Start(1, 0)]
    supervisor.ready(0, 3.0)
    supervisor.wake(3.0)
    assert acts(supervisor) == [End(1)]


def test_renewing_waits_for_a_seat() -> None:
    supervisor = serving(1)
    supervisor.renew(0.0)
    supervisor.ready(1, 0.0)
    supervisor.renew(0.1)
    assert acts(supervisor) == [Start(0, 1), End(0)]
    supervisor.ended(0, 0, 0.2)
    assert supervisor.due is not None
    supervisor.wake(supervisor.due)
    assert acts(supervisor) == [Start(0, 0)]
    supervisor.ready(0, 9.0)
    assert acts(supervisor) == [End(1)]


@settings(deadline=None, max_examples=200)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5), st.floats(0, 20)), max_size=60))
def test_whatever_happens_it_can_be_stopped(happened: list[tuple[int, int, float]]) -> None:
    supervisor, now = Supervisor(2, 4, DRAIN), 0.0
    supervisor.begin(now)
    there: dict[int, bool] = {}

    def follow() -> None:
        for act in supervisor.take():
            if isinstance(act, Start):
                assert act.seat not in there, "two workers in one seat"
                there[act.seat] = False

    follow()
    for what, which, passed in happened:
        now += passed
        seats = sorted(there)
        if what == 0:
            supervisor.renew(now)
        elif what == 1:
            supervisor.wake(now)
        elif seats and what in (2, 3):
            supervisor.ready(seats[which % len(seats)], now)
        elif seats and what == 4:
            del there[seats[which % len(seats)]]
            supervisor.ended(seats[which % len(seats)], -9, now)
        follow()
    supervisor.stop(now)
    follow()
    for seat in sorted(there):
        supervisor.ended(seat, 0, now)
    assert supervisor.take() == [] or supervisor.code is not None
    assert supervisor.code is not None
    assert supervisor.due is None
