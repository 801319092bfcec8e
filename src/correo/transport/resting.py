"""What becomes of the mail of a lane that rests: all of it is put off until the lane is tried again.

Not message by message with an attempt each: a hundred thousand that wait for a server that is down would take the time of all
others. What has expired meanwhile, or whose sender is to be warned, is settled with the trouble that the lane has.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from itertools import groupby

import structlog

from correo.clock import Clock
from correo.mail.outcome import Outcome
from correo.queue import QueuedRecipient
from correo.queue.resting import SWEEP, postpone, postpone_waiting
from correo.storage.db import Database
from correo.transport.lanes import Lane, Rest
from correo.transport.settling import Policy

MAX_SWEEPS = 100  # destinations swept at once after one failure; of a lane with more, the rest is put off when it is claimed

Settle = Callable[[Sequence[tuple[QueuedRecipient, Outcome]]], Awaitable[None]]

log = structlog.get_logger("transport")


class Rests:
    """`settle` is for what cannot wait; `moved` is called when the queue has other times than before."""

    def __init__(
        self, db: Database, clock: Clock, policy: Policy, settle: Settle, moved: Callable[[], None]
    ) -> None:
        self._db = db
        self._clock = clock
        self._policy = policy
        self._settle = settle
        self._moved = moved
        self._sweeps: set[asyncio.Task[None]] = set()

    async def put_off(self, rest: Rest, claimed: Sequence[QueuedRecipient]) -> None:
        """What was claimed and not tried."""
        now = self._clock.now()
        overdue = [one for one in claimed if self._is_overdue(one, now)]
        chosen = {one.id for one in overdue}
        if others := [one for one in claimed if one.id not in chosen]:
            timed = [(one, min(rest.until, self._word_at(one))) for one in others]
            await self._db.write(postpone, timed, status=rest.trouble.status, host=rest.trouble.host)
            self._moved()
        overdue.sort(key=lambda one: one.message.id)
        for _, group in groupby(overdue, key=lambda one: one.message.id):
            await self._settle([(one, rest.trouble) for one in group])

    def sweep(self, lane: Lane, rest: Rest, destinations: Collection[str]) -> None:
        """What waits for the `lane` unclaimed, in the background, as long as it has this `rest`."""
        chosen = sorted(destinations)[:MAX_SWEEPS]
        task = asyncio.get_running_loop().create_task(self._sweep(lane, rest, chosen))
        self._sweeps.add(task)
        task.add_done_callback(self._sweeps.discard)

    async def close(self) -> None:
        for task in self._sweeps:
            task.cancel()
        await asyncio.gather(*self._sweeps, return_exceptions=True)

    async def _sweep(self, lane: Lane, rest: Rest, destinations: Sequence[str]) -> None:
        count = 0
        status, host = rest.trouble.status, rest.trouble.host
        try:
            for destination in destinations:
                moved, (lifetime, urgent) = SWEEP, self._policy.lifetimes(destination)
                while moved == SWEEP and lane.rest(now := self._clock.now()) is rest:
                    moved = await self._db.bulk(
                        postpone_waiting,
                        destination,
                        now,
                        until=rest.until,
                        status=status,
                        host=host,
                        lifetime=lifetime,
                        urgent_lifetime=urgent,
                    )
                    count += moved
        except Exception:
            # Nothing is lost: what is still due is put off when it is claimed.
            log.exception("putting off failed")
        self._moved()
        log.info(
            "destination rests",
            first=destinations[0],
            others=len(destinations) - 1,
            put_off=count,
            status=str(status),
        )

    def _is_overdue(self, one: QueuedRecipient, now: int) -> bool:
        return self._word_at(one) <= now

    def _word_at(self, one: QueuedRecipient) -> int:
        """When its sender is to hear of it next."""
        warning = one.warn_at if one.message.sender else 0
        times = (self._policy.gives_up(one), one.message.terms.deliver_by, warning)
        return min(at for at in times if at)
