"""Alarms that many connections share: never too early, hardly too late, and one timer for all."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from random import Random
from typing import Any, cast

import pytest

from correo.net.alarms import GRAIN, NEAR, Alarms


class Loop:
    """Its time goes by when the test says so."""

    def __init__(self) -> None:
        self.now = 1_000.25
        self.timers: list[Timer] = []

    def time(self) -> float:
        return self.now

    def call_at(self, at: float, work: Callable[..., None], *args: Any) -> Timer:
        self.timers.append(Timer(at, lambda: work(*args)))
        return self.timers[-1]

    def until(self, end: float) -> None:
        while due := [timer for timer in self.timers if timer.at <= end]:
            first = min(due, key=lambda timer: timer.at)
            self.timers.remove(first)
            self.now = max(self.now, first.at)
            if not first.cancelled:
                first.work()
        self.now = end


class Timer:
    def __init__(self, at: float, work: Callable[[], None]) -> None:
        self.at = at
        self.work = work
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class Sleeper:
    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self.rang: list[float] = []

    def ring(self) -> None:
        self.rang.append(self._loop.now)


@pytest.fixture
def loop() -> Loop:
    return Loop()


@pytest.fixture
def alarms(loop: Loop) -> Alarms:
    return Alarms(cast(asyncio.AbstractEventLoop, loop))


def test_each_rings_once_and_not_too_early(loop: Loop, alarms: Alarms) -> None:
    chance = Random(5)
    due = [(loop.now + chance.uniform(0, 10 * NEAR), Sleeper(loop)) for _ in range(500)]
    for at, sleeper in due:
        alarms.set(at, sleeper)
    loop.until(loop.now + 11 * NEAR)
    for at, sleeper in due:
        assert len(sleeper.rang) == 1
        late = sleeper.rang[0] - at
        assert 0 <= late < GRAIN
        assert late == 0 or sleeper.rang[0] >= 1_000.25 + NEAR, "what is near is exact"


def test_who_is_forgotten_is_left_alone(loop: Loop, alarms: Alarms) -> None:
    for seconds in (1.0, NEAR - 1, NEAR + 1, 300.0):
        first, second = Sleeper(loop), Sleeper(loop)
        at = loop.now + seconds
        kept = alarms.set(at, first)
        alarms.set(at, second)
        kept.forget(first)
        kept.forget(first)
        loop.until(at + GRAIN)
        assert (len(first.rang), len(second.rang)) == (0, 1)
        kept.forget(first)


def test_a_thousand_have_one_timer(loop: Loop, alarms: Alarms) -> None:
    at = math.ceil(loop.now + 300)
    for number in range(1_000):
        alarms.set(at + number / 1_000, Sleeper(loop))
    assert len(loop.timers) == 1
    loop.until(at + 2 * GRAIN)
    assert not loop.timers


def test_who_rings_may_sleep_again(loop: Loop, alarms: Alarms) -> None:
    class Snoozer(Sleeper):
        def ring(self) -> None:
            super().ring()
            if len(self.rang) < 5:
                alarms.set(loop.now + [0.0, 1.0, NEAR, 60.0][len(self.rang) - 1], self)

    one, other = Snoozer(loop), Snoozer(loop)
    for snoozer in (one, other):
        alarms.set(loop.now + 30, snoozer)
    loop.until(loop.now + 200)
    assert len(one.rang) == len(other.rang) == 5
    assert not loop.timers
