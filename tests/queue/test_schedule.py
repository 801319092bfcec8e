from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from correo.mail.instant import DAY, HOUR, MINUTE, SECOND
from correo.queue.schedule import JITTER, Schedule, next_try

NOW = 1_767_225_600 * SECOND
FAR = NOW + 1000 * DAY


@settings(deadline=None, max_examples=200)
@given(st.integers(0, 50), st.lists(st.integers(SECOND, DAY), min_size=1, max_size=8), st.integers())
def test_a_pause_is_that_of_the_list_within_the_jitter(attempts: int, retry: list[int], seed: int) -> None:
    pause = retry[min(max(attempts, 1), len(retry)) - 1]
    at = next_try(attempts, retry, Random(seed), NOW, expires=FAR)
    assert NOW + pause * (1 - JITTER) - 1 <= at <= NOW + pause * (1 + JITTER) + 1


@settings(deadline=None, max_examples=200)
@given(st.integers(1, 50), st.integers(-DAY, 10 * DAY), st.integers(-DAY, 10 * DAY), st.integers())
def test_the_next_try_is_in_the_future_and_not_past_the_end(
    attempts: int, left: int, warn: int, seed: int
) -> None:
    at = next_try(
        attempts, Schedule().retry, Random(seed), NOW, expires=NOW + left, warn_at=max(NOW + warn, 0)
    )
    assert NOW < at <= max(NOW + left, NOW + 1)


@settings(deadline=None, max_examples=50)
@given(st.integers())
def test_a_server_that_stays_down_is_tried_until_the_very_end(seed: int) -> None:
    schedule, random, now, attempts = Schedule(), Random(seed), NOW, 0
    expires, warn_at = schedule.expires(NOW), schedule.warn_at(NOW)
    tried: list[int] = []
    while now < expires:
        tried.append(now)
        attempts += 1
        now = next_try(attempts, schedule.retry, random, now, expires=expires, warn_at=warn_at)
        warn_at = 0 if now >= warn_at else warn_at
    assert now == expires
    assert any(4 * HOUR <= at - NOW <= 4 * HOUR + 5 * MINUTE for at in tried)
    assert 30 <= len(tried) <= 50


def test_jitter_parts_what_failed_together() -> None:
    random = Random(1)
    assert len({next_try(1, (5 * MINUTE,), random, NOW, expires=FAR) for _ in range(50)}) == 50


def test_a_warning_that_is_almost_due_does_not_hurry_the_next_try() -> None:
    at = next_try(3, (5 * MINUTE, HOUR), Random(1), NOW, expires=FAR, warn_at=NOW + SECOND)
    assert at == NOW + 5 * MINUTE


def test_never_warning() -> None:
    assert Schedule(warn_after=0).warn_at(NOW) == 0
    assert Schedule(lifetime=HOUR, warn_after=4 * HOUR).warn_at(NOW) == 0


def test_parse() -> None:
    assert Schedule.parse(["5m", "1h"], "2d", "") == Schedule((5 * MINUTE, HOUR), 2 * DAY, 0)
    assert Schedule.parse(["5m"], "2d", "1h").warn_after == HOUR


@pytest.mark.parametrize(
    ("retry", "lifetime", "warn"),
    [([], "1d", ""), (["0s"], "1d", ""), (["5m"], "0s", ""), (["5"], "1d", ""), (["5m"], "1d", "soon")],
)
def test_parse_refuses_what_cannot_be(retry: list[str], lifetime: str, warn: str) -> None:
    with pytest.raises(ValueError, match=r"duration|longer"):
        Schedule.parse(retry, lifetime, warn)
