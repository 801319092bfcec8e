from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest

from correo.clock.virtual import VirtualClock
from correo.dns import Answer, DnsFailure, Rdtype, Record, Status
from correo.dns import cache as cache_module
from correo.dns.cache import CachingResolver
from correo.mail.instant import DAY, HOUR, SECOND


@dataclass
class Source:
    """Answers with a lifetime that the test chooses, and counts."""

    clock: VirtualClock
    life: int = 60 * SECOND
    status: Status = Status.OK
    records: tuple[Record, ...] = ("192.0.2.1",)
    failing: bool = False
    asked: list[str] = field(default_factory=list)

    async def lookup(self, name: str, rdtype: Rdtype) -> Answer:
        self.asked.append(name)
        await asyncio.sleep(0)
        if self.failing:
            raise DnsFailure(name, rdtype, "down")
        records = self.records if self.status is Status.OK else ()
        return Answer(name, rdtype, self.status, records, False, self.clock.now() + self.life)


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def source(clock: VirtualClock) -> Source:
    return Source(clock)


async def asked_after(cache: CachingResolver, source: Source, clock: VirtualClock, wait: int) -> bool:
    """Whether a second lookup, `wait` microseconds after the first, asks the source again."""
    source.asked.clear()
    await cache.lookup("example.com", "A")
    clock.advance(wait)
    await cache.lookup("example.com", "A")
    return len(source.asked) == 2


@pytest.mark.parametrize(
    ("status", "life", "kept"),
    [
        (Status.OK, 60 * SECOND, 60 * SECOND),
        (Status.OK, 0, cache_module.FLOOR),
        (Status.OK, 30 * DAY, cache_module.CEILING),
        (Status.NO_DATA, 60 * SECOND, 60 * SECOND),
        (Status.NO_SUCH_DOMAIN, 0, cache_module.FLOOR),
        (Status.NO_SUCH_DOMAIN, 1 * DAY, 3 * HOUR),
    ],
)
async def test_answers_are_kept_as_long_as_they_may_be(
    source: Source, clock: VirtualClock, status: Status, life: int, kept: int
) -> None:
    source.status, source.life = status, life
    assert not await asked_after(CachingResolver(source, clock), source, clock, kept - 1)
    assert await asked_after(CachingResolver(source, clock), source, clock, kept)


async def test_an_answer_says_how_long_it_is_kept(source: Source, clock: VirtualClock) -> None:
    source.life = 30 * DAY
    answer = await CachingResolver(source, clock).lookup("example.com", "A")
    assert answer.expires == clock.now() + cache_module.CEILING


async def test_failures_are_kept_briefly(source: Source, clock: VirtualClock) -> None:
    cache = CachingResolver(source, clock)
    source.failing = True
    for _ in range(3):
        with pytest.raises(DnsFailure, match="down"):
            await cache.lookup("example.com", "A")
    assert len(source.asked) == 1
    source.failing = False
    clock.advance(cache_module.FAILURE)
    assert (await cache.lookup("example.com", "A")).status is Status.OK


async def test_types_and_names_are_apart_and_spellings_are_not(source: Source, clock: VirtualClock) -> None:
    cache = CachingResolver(source, clock)
    await cache.lookup("example.com", "A")
    await cache.lookup("EXAMPLE.com.", "A")
    assert source.asked == ["example.com"]
    await cache.lookup("example.com", "AAAA")
    await cache.lookup("example.org", "A")
    assert source.asked == ["example.com", "example.com", "example.org"]


async def test_a_clock_set_back_does_not_make_answers_immortal(source: Source, clock: VirtualClock) -> None:
    assert await asked_after(CachingResolver(source, clock), source, clock, -2 * DAY)


async def test_concurrent_lookups_ask_once(source: Source, clock: VirtualClock) -> None:
    cache = CachingResolver(source, clock)
    answers = await asyncio.gather(*(cache.lookup("example.com", "A") for _ in range(10)))
    assert len(source.asked) == 1
    assert len(set(answers)) == 1


async def test_concurrent_lookups_fail_together(source: Source, clock: VirtualClock) -> None:
    cache = CachingResolver(source, clock)
    source.failing = True
    results = await asyncio.gather(
        *(cache.lookup("example.com", "A") for _ in range(10)), return_exceptions=True
    )
    assert len(source.asked) == 1
    assert all(isinstance(result, DnsFailure) for result in results)


async def test_what_was_not_asked_for_longest_goes_first(source: Source, clock: VirtualClock) -> None:
    source.records = (b"x" * 10_000,)
    cache = CachingResolver(source, clock, capacity=35_000)
    for name in ("a", "b", "c", "a", "d"):
        await cache.lookup(name, "TXT")
    assert source.asked == ["a", "b", "c", "d"]
    source.asked.clear()
    for name in ("a", "c", "d", "b"):
        await cache.lookup(name, "TXT")
    assert source.asked == ["b"]


async def test_an_answer_larger_than_the_cache_is_not_kept(source: Source, clock: VirtualClock) -> None:
    source.records = (b"x" * 10_000,)
    assert await asked_after(CachingResolver(source, clock, capacity=5_000), source, clock, 0)


async def test_expired_answers_give_their_room_back(source: Source, clock: VirtualClock) -> None:
    source.records = (b"x" * 10_000,)
    cache = CachingResolver(source, clock, capacity=25_000)
    for _ in range(20):
        await cache.lookup("a", "TXT")
        await cache.lookup("b", "TXT")
        clock.advance(source.life)
    assert len(source.asked) == 40
    await cache.lookup("a", "TXT")
    await cache.lookup("b", "TXT")
    source.asked.clear()
    await cache.lookup("a", "TXT")
    await cache.lookup("b", "TXT")
    assert source.asked == []
