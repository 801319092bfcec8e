"""A database that kills its process at a commit, and one that tells which arrows of the queue's table a commit was."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from correo.clock import Clock
from correo.ops.queueing import DELETED
from correo.queue.states import Event
from correo.storage.db import Database, Op, P, T, Tx

BEFORE, AFTER = "before", "after"

_QUEUE = (
    "SELECT id, message_id, folded, state, attempts, next_try, lease_until, destination FROM queue_recipient"
)
_END = """SELECT event, detail FROM ledger_entry WHERE message_id = $1 AND recipient = $2
AND event IN ('relayed', 'delivered', 'bounced', 'discarded') ORDER BY id DESC"""
_ENDS = {
    "relayed": Event.RELAY,
    "delivered": Event.DELIVER,
    "bounced": Event.BOUNCE,
    "discarded": Event.DISCARD,
}


def kill() -> None:
    """At once, without a chance to tidy up."""
    os.kill(os.getpid(), signal.SIGKILL)


@dataclass(slots=True)
class Trap:
    """A `Database` around another one. Its `number`th operation (from 1) is the last thing the process does: killed when
    the operation has done everything but is not committed, or when it is committed but nobody has been told.
    """

    inner: Database
    clock: Clock
    number: int = 0  # 0: never
    side: str = BEFORE
    trace: bool = False
    arrows: list[list[str]] = field(default_factory=list)  # of each operation, where `trace` is set
    _count: int = 0

    async def write(self, op: Op[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await self._run(self.inner.write, op, *args, **kwargs)

    async def bulk(self, op: Op[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await self._run(self.inner.bulk, op, *args, **kwargs)

    async def note(self, op: Op[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await self._run(self.inner.note, op, *args, **kwargs)

    async def join(self, op: Op[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await self._run(self.inner.join, op, *args, **kwargs)

    async def read(self, op: Op[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await self.inner.read(op, *args, **kwargs)

    async def scan(self, op: Op[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await self.inner.scan(op, *args, **kwargs)

    async def changed_elsewhere(self) -> bool:
        return await self.inner.changed_elsewhere()

    async def close(self) -> None:
        await self.inner.close()

    async def _run(self, submit: Callable[..., object], op: Op[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        self._count += 1
        number = self._count
        found: list[str] = []
        self.arrows.append(found)

        async def trapped(tx: Tx) -> T:
            before = await _picture(tx) if self.trace else {}
            result = await op(tx, *args, **kwargs)
            if self.trace:
                found.extend(await _difference(tx, before, self.clock.now()))
            if (number, BEFORE) == (self.number, self.side):
                kill()
            return result

        result: T = await submit(trapped)  # type: ignore[misc]
        if (number, AFTER) == (self.number, self.side):
            kill()
        return result


@dataclass(frozen=True, slots=True)
class _Seen:
    message_id: int
    folded: str
    state: str
    attempts: int
    next_try: int
    lease_until: int
    destination: str


_Picture = dict[int, _Seen]


async def _picture(tx: Tx) -> _Picture:
    return {id: _Seen(*rest) for id, *rest in await tx.all(_QUEUE)}


async def _difference(tx: Tx, before: _Picture, now: int) -> Iterable[str]:
    """The arrows that lead from `before` to what is there now."""
    after = await _picture(tx)
    new = (after[id] for id in after.keys() - before.keys())
    events = [Event.HAND_OVER if one.state == "active" else Event.ENQUEUE for one in new]
    for id, old in before.items():
        now_there = after.get(id)
        event = await _end(tx, old) if now_there is None else _moved(old, now_there, now)
        if event is not None:
            events.append(event)
    return sorted(event.value for event in events)


async def _end(tx: Tx, old: _Seen) -> Event:
    row = await tx.one(_END, old.message_id, old.folded)
    assert row is not None, f"{old} left the queue without an end in the ledger"
    if old.state != "active":
        return Event.DELETE if row[1].startswith(DELETED) else Event.WITHDRAW
    return _ENDS[row[0]]


def _moved(old: _Seen, new: _Seen, now: int) -> Event | None:
    match old.state, new.state:
        case "waiting", "active":
            return Event.CLAIM
        case "active", "waiting" if new.attempts > old.attempts:
            return Event.DEFER
        case "active", "held":
            return Event.PARK
        case "active", "waiting" if new.next_try != old.next_try:
            return Event.POSTPONE
        case "waiting" | "held", "waiting" if new.destination != old.destination:
            return Event.REROUTE
        case "active", "waiting":
            return Event.LAPSE if old.lease_until <= now else Event.GIVE_BACK
        case "waiting", "held":
            return Event.HOLD
        case "held", "waiting":
            return Event.RELEASE
        case "waiting", "waiting" if new.next_try < old.next_try:
            return Event.RETRY
        case "waiting", "waiting" if new.next_try > old.next_try:
            return Event.POSTPONE
        case _:
            assert old.state == new.state, f"there is no arrow from {old} to {new}"
            return None
