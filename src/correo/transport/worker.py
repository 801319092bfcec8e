"""Claims what is due, delivers side by side, settles, and sleeps until there is something to do.

Several workers, in one process or in many, share a queue: leases keep them apart, and the bus wakes them.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from enum import Enum
from functools import partial

import structlog

from correo import mailbox, queue
from correo.clock import Chance, Clock
from correo.delivery.held import find_room
from correo.delivery.notify import publish, stir_outbox
from correo.ledger import show_id
from correo.mail.address import Address
from correo.mail.errors import Refused
from correo.mail.instant import MINUTE, SECOND
from correo.mail.outcome import Deferred, Failed, Outcome
from correo.mail.status import Status
from correo.queue import QueuedMessage, QueuedRecipient
from correo.storage.bus import QUEUE, Bus
from correo.storage.db import Database, Tx
from correo.transport import Outgoing, Transport
from correo.transport.lanes import Lane, Lanes, Limits, Rest
from correo.transport.pool import Room
from correo.transport.resting import Rests
from correo.transport.settling import Policy, Settled, is_only_relayed, settle

LEASE = 5 * MINUTE  # how long after a crash its recipients wait
RENEW_SECONDS = 60.0  # well below: a lease must not end while its worker is merely slow
MAX_CLAIM = 200  # recipients claimed at once: some milliseconds of work in the event loop
MAX_RECIPIENTS = 100  # of one transaction; every server takes as many (RFC 5321 §4.5.3.1.8)
# Recipients in hand for each connection there may be, and in one lane for each that it may have: one number for both, so that
# as many slow destinations fill the hand as fill the connections, and no fewer. About 1 KB each.
HAND = MAX_RECIPIENTS
AHEAD = 2  # deliveries in one lane, for each connection it may have, before its destinations are left out
MAX_BUSY = (
    1_000  # destinations left out; where one lane serves more, as to a smarthost, there is enough to do
)
REST = 4  # times as long as it took to look at a backlog that cannot be claimed now is not looked at it again
INLINE_SIZE = 128 * 1024  # octets; larger content is read off the event loop
# Octets of messages larger than INLINE_SIZE that are being delivered at once: one of 50 MB may be for a hundred destinations.
MAX_MEMORY = 256 * 1024 * 1024
# RFC 2852 §4.1: nobody is to get it after the time that its sender has set.
TOO_LATE = Status(554, "5.4.7", "the time that was set for its delivery has passed")
SETTLE_SECONDS = 5.0  # between attempts to settle while the disk is full
IDLE_SECONDS = 3600.0  # the longest sleep: clocks are set

HERE = ""  # the lane of mail that was held for accounts of our own

log = structlog.get_logger("transport")


class _Phase(Enum):
    WAITING = "for a slot"
    DELIVERING = "to another server"
    SETTLING = "here"


@dataclass(slots=True, eq=False)
class _Job:
    """Recipients of one message in one lane."""

    lane: str
    pace: Lane
    recipients: Sequence[QueuedRecipient]
    phase: _Phase = _Phase.WAITING
    task: asyncio.Task[None] | None = None


class Worker:
    """`run` until `stop`. A worker runs once."""

    def __init__(
        self,
        db: Database,
        bus: Bus,
        clock: Clock,
        chance: Chance,
        transport: Transport,
        policy: Policy,
        *,
        concurrency: int = 100,
        per_destination: int = 5,
        rate: int = 0,
        grace: float = 30.0,
        memory: int = MAX_MEMORY,
    ) -> None:
        """`rate`: deliveries to one destination begun in a minute, 0 is any number; `grace`: seconds that running deliveries have
        to end after `stop`; `memory`: octets of large messages held at once.
        """
        self._db = db
        self._bus = bus
        self._clock = clock
        self._chance = chance
        self._transport = transport
        self._policy = policy
        self._usual = Limits(per_destination, rate)
        self._grace = grace
        self._wake = asyncio.Event()
        self._most = concurrency * HAND
        self._paces = Lanes(concurrency)
        self._rests = Rests(db, clock, policy, self._settle, self._wake.set)
        self._room = Room(memory)
        self._owner = chance.secret(8).hex()
        self._jobs: set[_Job] = set()
        self._lanes: Counter[str] = Counter()  # jobs
        self._in_lane: Counter[str] = Counter()  # recipients of those
        self._in_hand = 0  # recipients
        self._short = False  # something due was left, for want of room
        self._stopping = False

    def stop(self) -> None:
        """Claim nothing more; `run` returns once what is running has ended or been given back."""
        self._stopping = True
        self._wake.set()

    async def run(self) -> None:
        """Raises only CancelledError, and then has given back what it held."""
        unsubscribe = self._bus.subscribe(QUEUE, self._wake.set)
        keeper = asyncio.ensure_future(self._keep_leases())
        try:
            await self._claim_and_sleep()
            await self._finish()
        finally:
            self._stopping = True
            unsubscribe()
            keeper.cancel()
            await self._rests.close()
            await self._give_back()
            await self._transport.close()

    # -- claiming ----------------------------------------------------------------------------------------------------

    async def _claim_and_sleep(self) -> None:
        loop = asyncio.get_running_loop()
        while not self._stopping:
            self._wake.clear()
            began = loop.time()
            try:
                seconds = await self._claim()
            except Exception:
                log.exception("claiming failed")
                seconds = SETTLE_SECONDS
            if seconds:
                if self._short:
                    await asyncio.sleep(REST * (loop.time() - began))
                try:
                    async with asyncio.timeout(seconds):
                        await self._wake.wait()
                except TimeoutError:
                    pass

    async def _claim(self) -> float:
        """Start what is due and fits; seconds until the next look, 0 when there may be more that fits."""
        now = self._clock.now()
        due = await self._db.read(queue.due)
        self._short = due is not None and due <= now
        if self._short:
            limit = min(MAX_CLAIM, self._most - self._in_hand)
            busy = self._busy()
            if limit > 0 and len(busy) <= MAX_BUSY and (claimed := await self._lease(now, limit, busy)):
                await self._begin(claimed)
                return 0.0
            due = await self._db.read(queue.due, now)
        return IDLE_SECONDS if due is None else min((due - now) / SECOND, IDLE_SECONDS)

    async def _lease(self, now: int, limit: int, busy: set[str]) -> list[QueuedRecipient]:
        return await self._db.note(
            queue.claim,
            owner=self._owner,
            now=now,
            lease_until=now + LEASE,
            limit=limit,
            busy=busy,
        )

    def _busy(self) -> set[str]:
        """Destinations of lanes that have enough to do."""
        full = {lane for lane in self._lanes if self._is_full(lane)}
        return {one.destination for job in self._jobs if job.lane in full for one in job.recipients}

    def _is_full(self, lane: str) -> bool:
        places = self._places(lane)
        return self._lanes[lane] >= AHEAD * places or self._in_lane[lane] >= places * HAND

    def _places(self, lane: str) -> int:
        """How many deliveries there may be at once, at the best of times."""
        known = self._paces.known(lane)
        return (known.limits if known else self._usual).concurrency

    async def _begin(self, claimed: Sequence[QueuedRecipient]) -> None:
        """Start what may be tried, and put off the rest."""
        now = self._clock.now()
        awake: dict[str, list[QueuedRecipient]] = {}
        resting: dict[Rest, list[QueuedRecipient]] = {}
        for one in claimed:
            lane = HERE if one.local else self._transport.lane(one.destination)
            known = self._paces.known(lane)
            # What had an answer and is due in the middle of a rest is so for a reason: its own time has come, or the operator wants it tried.
            if known and (rest := known.rest(now)) and not (one.status and one.next_try > rest.began):
                resting.setdefault(rest, []).append(one)
            else:
                awake.setdefault(lane, []).append(one)
        for lane, recipients in awake.items():
            self._start(lane, recipients)
        for rest, recipients in resting.items():
            await self._rests.put_off(rest, recipients)

    def _start(self, lane: str, claimed: Sequence[QueuedRecipient]) -> None:
        pace = self._paces.lane(lane, self._policy.limits(claimed[0], self._usual))
        groups: dict[int, list[QueuedRecipient]] = {}
        for one in claimed:
            groups.setdefault(one.message.id, []).append(one)
        for recipients in groups.values():
            for start in range(0, len(recipients), MAX_RECIPIENTS):
                job = _Job(lane, pace, recipients[start : start + MAX_RECIPIENTS])
                self._jobs.add(job)
                self._lanes[lane] += 1
                self._in_lane[lane] += len(job.recipients)
                self._in_hand += len(job.recipients)
                job.task = asyncio.ensure_future(self._work(job))
                # Not in the task: one that is called off before its first turn never gets there.
                job.task.add_done_callback(partial(self._end, job))

    def _end(self, job: _Job, task: asyncio.Task[None]) -> None:
        self._jobs.discard(job)
        self._lanes[job.lane] -= 1
        self._in_lane[job.lane] -= len(job.recipients)
        self._in_hand -= len(job.recipients)
        # Not after every job: claiming is a write, and half of a full lane is enough to stay busy meanwhile.
        room = self._most - self._in_hand >= min(MAX_CLAIM, self._most // 2)
        if (
            self._short
            and room
            and self._lanes[job.lane] <= self._places(job.lane)
            and not self._is_full(job.lane)
        ):
            self._wake.set()
        if not self._lanes[job.lane]:
            del self._lanes[job.lane], self._in_lane[job.lane]

    # -- one delivery ------------------------------------------------------------------------------------------------

    async def _work(self, job: _Job) -> None:
        try:
            async with self._paces.slot(job.pace):
                job.phase = _Phase.DELIVERING
                began = self._clock.now()
                outcomes = await self._deliver(job.recipients)
                now = self._clock.now()
                rest = job.pace.learn(
                    outcomes, began, now, self._chance, self._policy.retry(job.recipients[0])
                )
                waiting = self._called_off(job) if rest else []
            job.phase = _Phase.SETTLING
            if rest:
                await self._rests.put_off(rest, waiting)
                self._rests.sweep(job.pace, rest, {one.destination for one in (*job.recipients, *waiting)})
            await self._settle(list(zip(job.recipients, outcomes, strict=True)))
        except Exception:
            # What was not settled is tried again when its lease ends.
            log.exception("settling failed", message=show_id(job.recipients[0].message.id))

    def _called_off(self, job: _Job) -> list[QueuedRecipient]:
        """What waits for a place in the lane of `job`, which rests now: nobody is at it any more."""
        waiting: list[QueuedRecipient] = []
        for other in self._jobs:
            if other.lane == job.lane and other.phase is _Phase.WAITING and other.task:
                other.task.cancel()
                waiting += other.recipients
        return waiting

    async def _deliver(self, recipients: Sequence[QueuedRecipient]) -> list[Outcome]:
        message = recipients[0].message
        if message.terms.too_late(self._clock.now()):
            return [Failed(TOO_LATE)] * len(recipients)
        try:
            if recipients[0].local:
                return [await self._db.read(find_room, one) for one in recipients]
            async with AsyncExitStack() as room:
                outgoing = Outgoing(
                    Address.parse(message.sender) if message.sender else None,
                    partial(self._content, message, room),
                    message.size,
                    message.body,
                    message.utf8,
                    {one.folded: one.wishes for one in recipients},
                    message.ret,
                    message.envelope_id,
                    terms=message.terms,
                    destination=recipients[0].destination,
                    now=self._clock.now,
                )
                return await self._transport.deliver(outgoing, [one.parsed for one in recipients])
        except Exception:
            incident = show_id(self._chance.id(self._clock.now()))
            log.exception("delivery failed", message=show_id(message.id), incident=incident)
            return [Deferred(Status(451, "4.3.0", f"internal error {incident}"))] * len(recipients)

    async def _content(self, message: QueuedMessage, room: AsyncExitStack) -> bytes:
        """Large messages take their `room` once a server wants them, not while one is looked for. Raises Refused when it cannot be read."""
        if message.size <= INLINE_SIZE:
            return (await self._db.read(mailbox.raw, message.content_id))[message.skip :]
        await room.aclose()  # what it had for the host before
        await room.enter_async_context(self._room.hold(message.size))
        return (await self._db.scan(mailbox.raw, message.content_id))[message.skip :]

    async def _settle(self, attempts: Sequence[tuple[QueuedRecipient, Outcome]]) -> None:
        """Until it succeeds: what has been relayed must not be forgotten while the disk is full."""
        message = show_id(attempts[0][0].message.id)
        # A loss of power that undoes it has the message sent once more, as one a moment before would have.
        commit = self._db.note if is_only_relayed(attempts) else self._db.write
        while True:
            try:
                now = self._clock.now()
                settled = await commit(settle, attempts, self._policy, self._chance, now)
                break
            except Refused as refused:
                log.error("settling failed", message=message, reason=str(refused))
                if self._stopping:
                    return
                await asyncio.sleep(SETTLE_SECONDS)
        self._tell(message, attempts, settled)

    def _tell(
        self, message: str, attempts: Sequence[tuple[QueuedRecipient, Outcome]], settled: Settled
    ) -> None:
        for accepted in settled.accepted:
            publish(self._bus, accepted)
        stir_outbox(self._bus, attempts[0][0].message.account_id)
        for one, outcome in attempts:
            what = type(outcome).__name__.lower()
            log.info(what, message=message, to=one.folded, host=outcome.host, status=str(outcome.status))
        if settled.lost:
            log.warning("lease lost", message=message, recipients=settled.lost)
        # What was deferred is due at a time that the sleeper does not know yet.
        if any(isinstance(outcome, Deferred) for _, outcome in attempts):
            self._wake.set()

    # -- leases ------------------------------------------------------------------------------------------------------

    async def _keep_leases(self) -> None:
        """Prolong our own leases, and take back those of workers that are gone."""
        while True:
            try:
                if await self._db.note(_renew_and_recover, self._held(), self._clock.now()):
                    self._wake.set()
            except Exception:
                log.exception("renewing leases failed")
            await asyncio.sleep(RENEW_SECONDS)

    def _held(self) -> list[QueuedRecipient]:
        return [one for job in self._jobs for one in job.recipients]

    async def _finish(self) -> None:
        """Let deliveries that have begun come to their end, for a while."""
        for job in self._jobs:
            if job.phase is _Phase.WAITING and job.task:
                job.task.cancel()
        if running := [job.task for job in self._jobs if job.task]:
            await asyncio.wait(running, timeout=self._grace)

    async def _give_back(self) -> None:
        for job in list(self._jobs):
            if job.phase is not _Phase.SETTLING and job.task:
                job.task.cancel()
        await asyncio.gather(*(job.task for job in self._jobs if job.task), return_exceptions=True)
        try:
            await self._db.note(queue.give_back, self._owner)
        except Refused as refused:
            log.warning("giving back leases failed", reason=str(refused))


async def _renew_and_recover(tx: Tx, held: Sequence[QueuedRecipient], now: int) -> int:
    await queue.renew(tx, held, now + LEASE)
    return await queue.recover(tx, now)
