"""What a run has met: which arrows of the queue were gone, and what was under way when something befell a machine."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import apsw

from correo.queue.states import Event, State
from correo.storage.db import Tx

_TRIGGERS = """CREATE TEMP TRIGGER gone AFTER UPDATE ON main.queue_recipient BEGIN SELECT noted(old.state, new.state,
  new.attempts - old.attempts, new.next_try - old.next_try, old.destination = new.destination, old.lease_until); END;
CREATE TEMP TRIGGER ended AFTER DELETE ON main.queue_recipient BEGIN SELECT noted(old.state, '', 0, 0, 1, 0); END;
CREATE TEMP TRIGGER begun AFTER INSERT ON main.queue_recipient BEGIN SELECT noted('', new.state, 0, 0, 1, 0); END"""
_STATES = "SELECT DISTINCT state FROM queue_recipient"

# Arrows that end look the same in the queue; the ledger tells them apart.
ENDED, TAKEN_OUT = "relay, deliver, bounce, discard", "withdraw, delete"
ARROWS = (
    *(
        event.value
        for event in Event
        if event
        not in (Event.RELAY, Event.DELIVER, Event.BOUNCE, Event.DISCARD, Event.WITHDRAW, Event.DELETE)
    ),
    ENDED,
    TAKEN_OUT,
)
STATES = (*(state.value for state in State), "session", "nothing")


@dataclass(slots=True)
class Coverage:
    arrows: Counter[str] = field(default_factory=Counter)
    moments: Counter[tuple[str, str]] = field(default_factory=Counter)  # misfortunes, and what was under way

    def follow(self, connection: apsw.Connection, now: Callable[[], int]) -> None:
        """Count the arrows that this connection goes, also where the transaction comes to nothing."""

        def noted(*row: Any) -> None:
            before, after, tries, later, stays, lease = row
            self.arrows[_arrow(before, after, tries, later, bool(stays), lease <= now())] += 1

        connection.create_scalar_function("noted", noted, 6)
        connection.execute(_TRIGGERS)

    def met(self, misfortune: str, under_way: Iterable[str]) -> None:
        for what in [*under_way] or ["nothing"]:
            self.moments[misfortune, what] += 1

    def add(self, other: Coverage) -> None:
        self.arrows += other.arrows
        self.moments += other.moments

    def __str__(self) -> str:
        """As two tables."""
        lines = [f"  {name:32}{self.arrows[name]:>9,}" for name in ARROWS]
        lines += ["", "  " + " " * 32 + "".join(f"{state:>9}" for state in STATES)]
        for misfortune in sorted({misfortune for misfortune, _ in self.moments}):
            counts = "".join(f"{self.moments[misfortune, state]:>9,}" for state in STATES)
            lines.append(f"  {misfortune:32}{counts}")
        return "\n".join(lines)


async def queue_states(tx: Tx) -> list[str]:
    return [state for (state,) in await tx.all(_STATES)]


def _arrow(before: str, after: str, tries: int, later: int, stays: bool, lapsed: bool) -> str:
    match before, after:
        case "", "active":
            return Event.HAND_OVER.value
        case "", _:
            return Event.ENQUEUE.value
        case (("waiting" | "held"), ""):
            return TAKEN_OUT
        case _, "":
            return ENDED
        case "waiting", "active":
            return Event.CLAIM.value
        case "active", "held":
            return Event.PARK.value
        case "waiting", "held":
            return Event.HOLD.value
        case (("waiting" | "held"), "waiting") if not stays:
            return Event.REROUTE.value
        case "held", "waiting":
            return Event.RELEASE.value
        case "active", "waiting" if tries:
            return Event.DEFER.value
        case "active", "waiting" if not later:
            return Event.LAPSE.value if lapsed else Event.GIVE_BACK.value
        case "waiting", "waiting" if later < 0:
            return Event.RETRY.value
    return Event.POSTPONE.value
