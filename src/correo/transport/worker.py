"""Claims what is due, delivers side by side, settles, and sleeps until there is something to do.

Several workers, in one process or in many, share a queue: leases keep them apart, and the bus wakes them. What this process has just
accepted comes by `offer` and `accept`, with the lease and with its content.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from enum import Enum
from functools import partial

import structlog

from correo import mailbox, queue
from correo.clock import Chance, Clock
from correo.delivery.held import find_room
from correo.delivery.notify import publish, stir_outbox
from correo.delivery.outlet import Offer
from correo.ledger import show_id
from correo.mail.address import Address
from correo.mail.errors import Refused
from correo.mail.instant import SECOND
from correo.mail.outcome import Deferred, Failed, Outcome
from correo.mail.status import Status
from correo.queue import Lease, QueuedMessage, QueuedRecipient
from correo.storage.bus import QUEUE, Bus
from correo.storage.db import Database
from correo.storage.holds import Holds
from correo.transport import Outgoing, Transport
from correo.transport.lanes import WHOLE, Lane, Lanes, Limits, Part, Rest
from correo.transport.leases import Leases
from correo.transport.pool import Room
from correo.transport.resting import Rests
from correo.transport.settling import Policy, Settled, is_only_relayed, settle

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
MAX_HANDED_OVER = 16 * 1024 * 1024  # octets of messages that came with their content and are not settled
# RFC 2852 §4.1: nobody is to get it after the time that its sender has set.
TOO_LATE = Status(554, "5.4.7", "the time that was set for its delivery has passed")
OVERTAKEN = 2 * SECOND  # that something due is left for want of room before what is new must stand behind it
SETTLE_SECONDS = 5.0  # between attempts to settle while the disk is full
IDLE_SECONDS = 3600.0  # the longest sleep: clocks are set

HERE = ""  # the lane of mail that was held for accounts of our own

log = structlog.get_logger("transport")


class _Phase(Enum):
    WAITING = "for a slot"
    DELIVERING = "to another server"
    SETTLING = "here"


@dataclass(slots=True, eq=False)
class _Content:
    """Of a message that came with it: one for all its deliveries, and counted once, until the last of them has ended."""

    octets: bytes
    size: int  # as it was counted
    jobs: int = 0


@dataclass(slots=True, eq=False)
class _Job:
    """Recipients of one message in one lane."""

    lane: str
    pace: Lane
    recipients: Sequence[QueuedRecipient]
    content: _Content | None = None  # where it need not be read
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
        part: Part = WHOLE,
        holds: Holds | None = None,
    ) -> None:
        """`rate`: deliveries to one destination begun in a minute, 0 is any number; `grace`: seconds that running deliveries have
        to end after `stop`; `memory`: octets of large messages held at once; `part`: of the limits, where others send, too;
        `holds`: see Leases.
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
        self._part = part
        total = part.of(Limits(concurrency)).concurrency
        self._most = total * HAND
        self._paces = Lanes(max(1, total))
        self._rests = Rests(db, clock, policy, self._settle, self._stir)
        self._room = Room(memory)
        self._leases = Leases(db, clock, chance, holds, claims=part.claims)
        self._jobs: set[_Job] = set()
        self._lanes: Counter[str] = Counter()  # jobs
        self._in_lane: Counter[str] = Counter()  # recipients of those
        self._in_hand = 0  # recipients
        self._offers = 0  # that have not come back
        self._handed_over = 0  # octets
        self._short = False  # something due was left, for want of room
        self._left: tuple[int, frozenset[str]] = 0, frozenset()  # since when, and the lanes that had none
        self._stopping = False
        self._ended = False

    def stop(self) -> None:
        """Claim nothing more; `run` returns once what is running has ended or been given back."""
        self._stopping = True
        self._wake.set()

    async def run(self) -> None:
        """Raises only CancelledError, and then has given back what it held."""
        unsubscribe = self._bus.subscribe(QUEUE, self._wake.set) if self._part.claims else None
        keeper = asyncio.ensure_future(self._leases.keep(self._held, self._stir))
        try:
            if self._part.claims:
                await self._claim_and_sleep()
            while not self._stopping:
                await self._wake.wait()
                self._wake.clear()
            await self._finish()
        finally:
            self._stopping = True
            if unsubscribe:
                unsubscribe()
            keeper.cancel()
            self._ended = True
            await self._rests.close()
            await self._give_back()
            await self._transport.close()

    # -- what has just been accepted ---------------------------------------------------------------------------------

    def offer(self, destinations: Iterable[str], size: int) -> Offer | None:
        """For what could begin at once. Anything else waits its turn in the queue, where that is fair and costs no memory."""
        full = self._in_hand >= self._most // 2 or self._handed_over + size > MAX_HANDED_OVER
        if self._stopping or full or size > INLINE_SIZE:
            return None
        chosen = frozenset(destination for destination in destinations if self._is_open(destination))
        if not chosen:
            return None
        self._offers += 1
        self._handed_over += size
        return Offer(Lease(self._leases.owner, self._leases.until(self._clock.now()), chosen), size)

    def accept(self, offer: Offer) -> None:
        self._offers -= 1
        # Ended: a commit that took longer than the grace. Its lease is one of the dead.
        claimed = [] if self._ended else offer.claimed
        lanes: dict[str, list[QueuedRecipient]] = {}
        for one in claimed:
            lanes.setdefault(self._transport.lane(one.destination), []).append(one)
        if claimed:
            content = _Content(offer.raw[claimed[0].message.skip :], offer.size)
            for lane, recipients in lanes.items():
                self._start(lane, recipients, content)
        else:
            self._handed_over -= offer.size
        if self._stopping:
            self._wake.set()

    def _is_open(self, destination: str) -> bool:
        limits = self._part.of(self._policy.limits_of(destination, self._usual))
        if not limits.concurrency or limits.rate:
            return False
        lane = self._transport.lane(destination)
        known, now = self._paces.known(lane), self._clock.now()
        since, full = self._left
        if (known and known.rest(now)) or (lane in full and now - since > OVERTAKEN):
            return False
        return self._lanes[lane] < AHEAD * (known.limits if known else limits).concurrency

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
        full = frozenset(lane for lane in self._lanes if self._is_full(lane)) if self._short else frozenset()
        self._left = due or 0, full
        if self._short:
            limit = min(MAX_CLAIM, self._most - self._in_hand)
            busy = self._busy(full)
            if limit > 0 and len(busy) <= MAX_BUSY and (claimed := await self._lease(now, limit, busy)):
                await self._begin(claimed)
                return 0.0
            due = await self._db.read(queue.due, now)
        return IDLE_SECONDS if due is None else min((due - now) / SECOND, IDLE_SECONDS)

    async def _lease(self, now: int, limit: int, busy: set[str]) -> list[QueuedRecipient]:
        return await self._db.note(
            queue.claim,
            owner=self._leases.owner,
            now=now,
            lease_until=self._leases.until(now),
            limit=limit,
            busy=busy,
        )

    def _busy(self, full: Collection[str]) -> set[str]:
        """Destinations of lanes that have enough to do."""
        return {one.destination for job in self._jobs if job.lane in full for one in job.recipients}

    def _is_full(self, lane: str) -> bool:
        places = self._places(lane)
        return self._lanes[lane] >= AHEAD * places or self._in_lane[lane] >= places * HAND

    def _places(self, lane: str) -> int:
        """How many deliveries there may be at once, at the best of times."""
        known = self._paces.known(lane)
        return (known.limits if known else self._part.of(self._usual)).concurrency

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

    def _start(self, lane: str, claimed: Sequence[QueuedRecipient], content: _Content | None = None) -> None:
        pace = self._paces.lane(lane, self._part.of(self._policy.limits(claimed[0], self._usual)))
        groups: dict[int, list[QueuedRecipient]] = {}
        for one in claimed:
            groups.setdefault(one.message.id, []).append(one)
        for recipients in groups.values():
            for start in range(0, len(recipients), MAX_RECIPIENTS):
                job = _Job(lane, pace, recipients[start : start + MAX_RECIPIENTS], content)
                self._jobs.add(job)
                self._lanes[lane] += 1
                self._in_lane[lane] += len(job.recipients)
                self._in_hand += len(job.recipients)
                if content:
                    content.jobs += 1
                job.task = asyncio.ensure_future(self._work(job))
                # Not in the task: one that is called off before its first turn never gets there.
                job.task.add_done_callback(partial(self._end, job))

    def _end(self, job: _Job, task: asyncio.Task[None]) -> None:
        self._jobs.discard(job)
        self._lanes[job.lane] -= 1
        self._in_lane[job.lane] -= len(job.recipients)
        self._in_hand -= len(job.recipients)
        if job.content:
            job.content.jobs -= 1
            self._handed_over -= 0 if job.content.jobs else job.content.size
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
                outcomes = await self._deliver(job.recipients, job.content)
                now = self._clock.now()
                rest = job.pace.learn(
                    outcomes, began, now, self._chance, self._policy.retry(job.recipients[0])
                )
                waiting = self._called_off(job) if rest else []
            job.phase = _Phase.SETTLING
            if rest:
                await self._rests.put_off(rest, waiting)
                if self._part.claims:  # others may get through, and will find out for themselves
                    self._rests.sweep(
                        job.pace, rest, {one.destination for one in (*job.recipients, *waiting)}
                    )
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

    async def _deliver(
        self, recipients: Sequence[QueuedRecipient], content: _Content | None
    ) -> list[Outcome]:
        message = recipients[0].message
        if message.terms.too_late(self._clock.now()):
            return [Failed(TOO_LATE)] * len(recipients)
        try:
            if recipients[0].local:
                return [await self._db.read(find_room, one) for one in recipients]
            async with AsyncExitStack() as room:
                outgoing = Outgoing(
                    Address.parse(message.sender) if message.sender else None,
                    partial(self._content, message, room, content),
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

    async def _content(self, message: QueuedMessage, room: AsyncExitStack, content: _Content | None) -> bytes:
        """Large messages take their `room` once a server wants them, not while one is looked for. Raises Refused when it cannot be read."""
        if content is not None:
            return content.octets
        if message.size <= INLINE_SIZE:
            return (await self._db.read(mailbox.raw, message.content_id))[message.skip :]
        await room.aclose()  # what it had for the host before
        await room.enter_async_context(self._room.hold(message.size))
        return (await self._db.scan(mailbox.raw, message.content_id))[message.skip :]

    async def _settle(self, attempts: Sequence[tuple[QueuedRecipient, Outcome]]) -> None:
        """Until it succeeds: what has been relayed must not be forgotten while the disk is full."""
        message = show_id(attempts[0][0].message.id)
        # A loss of power that undoes it has the message sent once more, as one a moment before would have.
        commit = self._db.join if is_only_relayed(attempts) else self._db.write
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
            self._stir()

    def _stir(self) -> None:
        """Somebody is to look when something is due next."""
        if self._part.claims:
            self._wake.set()
        else:
            self._bus.publish(QUEUE)

    # -- the end ----------------------------------------------------------------------------------------------------

    def _held(self) -> list[QueuedRecipient]:
        return [one for job in self._jobs for one in job.recipients]

    async def _finish(self) -> None:
        """Let deliveries that have begun come to their end, for a while, and those that were offered room come back."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._grace):
                while self._offers:
                    self._wake.clear()
                    await self._wake.wait()
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
        if await self._leases.give_back():
            self._stir()
