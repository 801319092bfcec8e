"""What happens from now on, for whoever looks on from another process."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from correo.ledger.entries import Event
from correo.ledger.journeys import Entry, Journey, journey
from correo.ledger.trace import Wanted, fitting
from correo.storage.db import Tx

AT_ONCE = 500  # events told at a time; the next look goes on with the rest
# Ids are given out before their transactions are committed, by several processes: so many of the last are looked for again.
LATE = 1_000

NEWEST = "SELECT id, message_id FROM ledger_entry WHERE id > $1 ORDER BY id DESC LIMIT $2"
NEXT = "SELECT id, message_id FROM ledger_entry WHERE id > $1 ORDER BY id LIMIT $2"


@dataclass(frozen=True, slots=True)
class Step:
    """One event, and the message it is of; `first`: nothing was told of that before."""

    journey: Journey
    entry: Entry
    first: bool


@dataclass(slots=True)
class Following:
    """Begins with what comes after the first `look`, which finds nothing."""

    wanted: Wanted
    _last: deque[int] | None = None  # ids that were told, or looked at; in order
    _known: set[int] = field(default_factory=set)

    async def look(self, tx: Tx) -> list[Step]:
        """What is new since the last time, in order. For one transaction at a time, which may run twice."""
        if self._last is None:
            self._last = deque(sorted(row[0] for row in await tx.all(NEWEST, 0, LATE)))
            self._known = set(self._last)
            return []
        oldest = self._last[0] if len(self._last) >= LATE else 0
        rows = await tx.all(NEXT, oldest, LATE + AT_ONCE)
        fresh = [(id, message_id) for id, message_id in rows if id not in self._known]
        steps = await self._steps(tx, fresh)
        self._remember([id for id, _ in fresh])
        return steps

    async def _steps(self, tx: Tx, fresh: list[tuple[int, int]]) -> list[Step]:
        journeys: dict[int, Journey | None] = {}
        steps = []
        for id, message_id in fresh:
            if message_id not in journeys:
                one = await journey(tx, message_id)
                journeys[message_id] = one and fitting(self.wanted, one)
            shown = journeys[message_id]
            entry = next((entry for entry in shown.entries if entry.id == id), None) if shown else None
            if shown and entry:
                first = entry.event is Event.ACCEPTED and entry.id == shown.entries[0].id
                steps.append(Step(shown, entry, first))
        return steps

    def _remember(self, ids: list[int]) -> None:
        assert self._last is not None
        self._last = deque(sorted([*self._last, *ids])[-LATE:])
        self._known = set(self._last)
