"""What has just been accepted begins at once, without a claim and without being read; what cannot, waits in the queue."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from tests.transport.house import LATER, NEVER, TEXT, House, in_a_house
from tests.transport.test_worker import running

from correo import mailbox, queue
from correo.mail.instant import MINUTE
from correo.mail.outcome import Deferred
from correo.mail.status import Status
from correo.mail.terms import Terms
from correo.mail.way import Way
from correo.queue import Lease, State
from correo.storage.db import Tx
from correo.transport.lanes import Limits, Part
from correo.transport.leases import LEASE
from correo.transport.routes import Route, Routes
from correo.transport.worker import AHEAD, INLINE_SIZE, MAX_HANDED_OVER

HELPER = Part(workers=2, claims=False)
DOWN = Deferred(Status(451, "4.4.1", "no connection"), "", unreachable=True)


class Watched:
    """Counts the operations on the house's database."""

    def __init__(self, house: House) -> None:
        self.seen: list[Any] = []
        for name in ("note", "read"):
            self._watch(house, name)

    def _watch(self, house: House, name: str) -> None:
        call = getattr(house.db, name)

        async def watched(op: Any, *args: Any, **kwargs: Any) -> Any:
            self.seen.append(op)
            return await call(op, *args, **kwargs)

        setattr(house.db, name, watched)


@in_a_house
async def test_it_is_sent_without_a_claim_and_without_being_read(house: House) -> None:
    watched, worker = Watched(house), house.worker()
    async with running(worker):
        await asyncio.sleep(1)
        message = await house.put("bob@there.example", "eve@far.example", to=worker)
        assert [(one.state, one.lease_until) for one in await house.queued()] == [
            (State.ACTIVE, house.clock.now() + LEASE)
        ] * 2
        await house.until(lambda: len(house.transport.contents) == 2)
        await asyncio.sleep(1)
    assert house.transport.contents == [TEXT, TEXT]
    assert queue.claim not in watched.seen
    assert mailbox.raw not in watched.seen
    assert [event for _, event in await house.events(message)] == [
        "accepted",
        "accepted",
        "relayed",
        "relayed",
    ]
    assert await house.queued() == []


@in_a_house
async def test_what_is_refused_for_now_waits_in_the_queue_and_is_read_from_there(house: House) -> None:
    house.transport.outcomes["bob@there.example"] = [LATER, NEVER]
    worker = house.worker()
    async with running(worker):
        await house.put("bob@there.example", to=worker)
        await house.until(lambda: len(house.transport.calls) == 2)
        await asyncio.sleep(5)
    assert house.transport.contents == [TEXT, TEXT]
    assert len(await house.notices()) == 1
    assert (await house.balance()).difference == 0


@in_a_house
async def test_what_cannot_begin_at_once_is_not_taken(house: House) -> None:
    worker = house.worker(per_destination=2)
    house.transport.slow = {"full.example": 1000}
    house.transport.outcomes["bob@down.example"] = [DOWN]
    async with running(worker):
        for number in range(AHEAD * 2):
            await house.put(f"u{number}@full.example", to=worker)
        await house.put("bob@down.example", to=worker)
        await asyncio.sleep(5)
        assert worker.offer(["full.example"], 10) is None
        assert worker.offer(["down.example"], 10) is None
        assert worker.offer(["free.example"], INLINE_SIZE + 1) is None
        assert worker.offer([], 10) is None
        offer = worker.offer(["full.example", "free.example"], 10)
        assert offer is not None
        assert offer.lease.destinations == {"free.example"}
        worker.accept(offer)
        held = await house.put("ann@free.example", to=worker, terms=Terms(house.clock.now() + MINUTE))
        states = {one.folded: one.state for one in await house.queued() if one.message.id == held}
        assert states == {"ann@free.example": State.WAITING}
        worker.stop()
        assert worker.offer(["free.example"], 10) is None


@in_a_house
async def test_memory_for_it_is_bounded(house: House) -> None:
    worker = house.worker(concurrency=1_000, per_destination=1_000)
    house.transport.seconds = 1000
    text = TEXT + b"x" * (INLINE_SIZE - 1000)
    async with running(worker):
        for number in range(140):
            await house.put(f"u{number}@d{number}.example", to=worker, text=text)
        states = [one.state for one in await house.queued()]
        assert states.count(State.ACTIVE) >= 127  # whoever is not handed over is claimed
        assert worker._handed_over <= 16 * 1024 * 1024
    assert worker._handed_over == 0


@in_a_house
async def test_who_stops_waits_for_what_was_offered_and_gives_it_back(house: House) -> None:
    worker = house.worker(grace=5)
    house.transport.seconds = 1000
    async with running(worker):
        await asyncio.sleep(1)
        offer = worker.offer(["there.example"], 10)
        assert offer is not None
        worker.stop()
        await asyncio.sleep(2)
        worker.accept(offer)
    await house.put("bob@there.example")
    assert [one.state for one in await house.queued()] == [State.WAITING]


@in_a_house
async def test_what_comes_back_too_late_lapses(house: House) -> None:
    worker = house.worker(grace=1)
    async with running(worker):
        offer = worker.offer(["there.example"], 10)
        assert offer is not None
        worker.stop()
        await asyncio.sleep(10)
    await house.put("bob@there.example")
    offer.fill(await house.claim(owner=offer.lease.owner), b"")
    worker.accept(offer)
    await asyncio.sleep(10)
    assert house.transport.calls == []


@in_a_house
async def test_a_worker_that_does_not_claim_sends_what_it_is_given_and_nothing_else(house: House) -> None:
    house.transport.outcomes["eve@far.example"] = [LATER]
    worker = house.worker(part=HELPER)
    told = []
    house.bus.subscribe(("queue", 0), lambda: told.append(house.clock.now()))
    async with running(worker):
        await house.put("ann@there.example")
        await house.put("bob@there.example", to=worker)
        told.clear()
        await house.put("eve@far.example", to=worker)
        assert told == []  # nobody else is to look for it
        await asyncio.sleep(10 * 60)
        assert [who for _, who in house.transport.calls] == [("bob@there.example",), ("eve@far.example",)]
        assert len(told) == 1  # it is due again, and somebody else claims
        assert {one.folded for one in await house.queued()} == {"ann@there.example", "eve@far.example"}


@in_a_house
async def test_such_a_worker_does_not_put_off_what_others_may_bring_there(house: House) -> None:
    house.transport.outcomes["bob@down.example"] = [DOWN]
    worker = house.worker(part=HELPER)
    async with running(worker):
        await house.put("ann@down.example")
        due = (await house.queued())[0].next_try
        await house.put("bob@down.example", to=worker)
        await asyncio.sleep(30)
        (ann,) = (one for one in await house.queued() if one.folded == "ann@down.example")
        assert ann.next_try == due
        assert worker.offer(["down.example"], 10) is None  # but it keeps away itself


@in_a_house
async def test_a_rate_is_kept_by_who_claims(house: House) -> None:
    worker = house.worker(rate=60)
    assert worker.offer(["there.example"], 10) is None
    worker = house.worker(part=HELPER)
    worker._policy = replace(
        worker._policy,
        routes=Routes(
            [
                ("slow.example", Route(Way.parse("mx"), rate=1)),
                ("one.example", Route(Way.parse("mx"), concurrency=1)),
            ]
        ),
    )
    assert worker.offer(["slow.example", "one.example"], 10) is None
    assert worker.offer(["fast.example"], 10) is not None


def test_the_parts_of_all_workers_are_the_whole() -> None:
    for workers in range(1, 20):
        for concurrency in range(1, 20):
            for rate in (0, 7):
                limits = Limits(concurrency, rate)
                helpers = [Part(workers, False).of(limits)] * (workers - 1)
                main = Part(workers, True).of(limits)
                assert main.concurrency >= 1
                assert main.concurrency + sum(one.concurrency for one in helpers) == concurrency
                assert not rate or not any(one.concurrency for one in helpers)


@in_a_house
async def test_leases_of_what_takes_long_are_prolonged(house: House) -> None:
    house.transport.seconds = 20 * 60
    worker = house.worker(part=HELPER)
    async with running(worker):
        await house.put("bob@there.example", to=worker)
        for _ in range(19):
            await asyncio.sleep(60)
            assert await house.claim() == []
        assert (await house.queued())[0].lease_until > house.clock.now() + LEASE - 2 * MINUTE
        await asyncio.sleep(120)
    assert await house.queued() == []


@in_a_house
async def test_what_is_new_does_not_overtake_for_ever_what_waits(house: House) -> None:
    worker = house.worker(per_destination=2)
    house.transport.slow = Uneven()
    for number in range(150):
        await house.put(f"old{number}@there.example")
    async with running(worker):
        for number in range(400):
            await asyncio.sleep(0.5)
            await house.put(f"new{number}@there.example", to=worker)
        order = [who for _, (who,) in house.transport.calls]
    assert len(order) > 300
    assert all(who.startswith("old") for who in order[:150])


@in_a_house
async def test_a_backlog_closes_its_own_lane_alone_and_not_for_ever(house: House) -> None:
    worker = house.worker(per_destination=2)
    for number in range(150):
        await house.put(f"old{number}@there.example")
    async with running(worker):
        await asyncio.sleep(5)
        assert worker.offer(["there.example"], 10) is None
        offer = worker.offer(["there.example", "free.example"], 10)
        assert offer is not None
        assert offer.lease.destinations == {"free.example"}
        worker.accept(offer)
        await house.until(lambda: len(house.transport.calls) == 150)
        await asyncio.sleep(5)
        offer = worker.offer(["there.example"], 10)
        assert offer is not None
        worker.accept(offer)


@in_a_house
async def test_content_for_many_destinations_is_in_memory_once(house: House) -> None:
    worker = house.worker(concurrency=100)
    text = TEXT + b"x" * 100_000
    async with running(worker):
        await asyncio.sleep(1)
        await house.put(*(f"bob@d{number}.example" for number in range(100)), to=worker, text=text)
        assert len(text) <= worker._handed_over < len(text) + 1000
        assert len({id(job.content) for job in worker._jobs}) == 1
        await house.until(lambda: len(house.transport.contents) == 100)
        await asyncio.sleep(1)
        assert set(house.transport.contents) == {text}
        assert len({id(content) for content in house.transport.contents}) == 1
        assert worker._handed_over == 0


@in_a_house
async def test_memory_that_is_offered_is_counted(house: House) -> None:
    worker = house.worker()
    async with running(worker):
        await asyncio.sleep(1)
        offers = []
        while offer := worker.offer(["there.example"], INLINE_SIZE):
            offers.append(offer)
            assert len(offers) <= MAX_HANDED_OVER // INLINE_SIZE
        for offer in offers:
            worker.accept(offer)
        assert worker._handed_over == 0
        offer = worker.offer(["there.example"], INLINE_SIZE)
        assert offer is not None
    worker.accept(offer)
    assert worker._handed_over == 0


@in_a_house
async def test_a_session_that_is_cut_off_in_its_commit_leaves_nothing_behind(house: House) -> None:
    worker = house.worker()
    async with running(worker):
        await asyncio.sleep(1)
        offer = worker.offer(["there.example"], 10)
        assert offer is not None
        await house.put("bob@there.example")
        worker.stop()
        cut_off = asyncio.ensure_future(house.db.write(_take, offer.lease, house.clock.now()))
        await asyncio.sleep(0)
        cut_off.cancel()
        worker.accept(offer)
    assert cut_off.cancelled()
    assert [(one.state, one.lease) for one in await house.queued()] == [(State.WAITING, "")]


class Uneven(dict[str, float]):
    """Deliveries take a second, but for the first: so two at once do not end at once."""

    def __init__(self) -> None:
        super().__init__()
        self._next = 0.5

    def get(self, key: str, default: float = 1.0) -> float:  # type: ignore[override]
        seconds, self._next = self._next, 1.0
        return seconds


async def _take(tx: Tx, lease: Lease, now: int) -> None:
    assert await queue.claim(tx, owner=lease.owner, now=now, lease_until=lease.until, limit=10)
