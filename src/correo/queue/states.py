"""The table of states of a queued recipient. Every arrow is one transaction; the functions of this package read it here.

What an arrow writes in the ledger is written by whoever calls, in the same transaction: the queue knows no ledger.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class State(Enum):
    WAITING = "waiting"  # for its next try
    ACTIVE = "active"  # somebody has a lease on it
    HELD = "held"  # until the operator says otherwise


class Event(Enum):
    ENQUEUE = "enqueue"
    HAND_OVER = "hand over"
    CLAIM = "claim"
    DEFER = "defer"
    GIVE_BACK = "give back"
    LAPSE = "lapse"
    POSTPONE = "postpone"
    PARK = "park"
    RELAY = "relay"
    DELIVER = "deliver"
    BOUNCE = "bounce"
    DISCARD = "discard"
    HOLD = "hold"
    RELEASE = "release"
    RETRY = "retry"
    REROUTE = "reroute"
    WITHDRAW = "withdraw"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class Step:
    """One arrow. No sources: the recipient is new. No target: the row is deleted."""

    event: Event
    sources: tuple[State, ...]
    target: State | None
    ledger: str  # the event the same transaction records; "" for none
    meaning: str


TABLE: tuple[Step, ...] = (
    Step(Event.ENQUEUE, (), State.WAITING, "accepted", "a message is accepted for a recipient elsewhere"),
    Step(
        Event.HAND_OVER,
        (),
        State.ACTIVE,
        "accepted",
        "a message is accepted where a worker has room for it, and a lease from the start",
    ),
    Step(Event.CLAIM, (State.WAITING,), State.ACTIVE, "", "its time has come; a worker takes a lease"),
    Step(Event.DEFER, (State.ACTIVE,), State.WAITING, "deferred", "not now: tried again by the schedule"),
    Step(Event.GIVE_BACK, (State.ACTIVE,), State.WAITING, "", "the worker stops before it was tried"),
    Step(Event.LAPSE, (State.ACTIVE,), State.WAITING, "", "the lease ended: its worker is gone"),
    Step(
        Event.POSTPONE,
        (State.WAITING, State.ACTIVE),
        State.WAITING,
        "",
        "its destination is down and rests as a whole",
    ),
    Step(Event.PARK, (State.ACTIVE,), State.HELD, "held", "its route holds what goes that way"),
    Step(Event.RELAY, (State.ACTIVE,), None, "relayed", "the next server has taken responsibility"),
    Step(
        Event.DELIVER, (State.ACTIVE,), None, "delivered", "a message that was held reaches its mailbox here"
    ),
    Step(Event.BOUNCE, (State.ACTIVE,), None, "bounced", "never, or too old: returned to the sender"),
    Step(Event.DISCARD, (State.ACTIVE,), None, "discarded", "never, and nobody is to be told"),
    Step(Event.HOLD, (State.WAITING,), State.HELD, "held", "the operator stops it"),
    Step(Event.RELEASE, (State.HELD,), State.WAITING, "released", "the operator lets it go on, at once"),
    Step(Event.RETRY, (State.WAITING,), State.WAITING, "", "the operator wants it tried at once"),
    Step(
        Event.REROUTE,
        (State.WAITING, State.HELD),
        State.WAITING,
        "rerouted",
        "the operator sends it another way, at once",
    ),
    Step(
        Event.WITHDRAW,
        (State.WAITING, State.HELD),
        None,
        "bounced",
        "the operator returns it to the sender (discarded where there is none)",
    ),
    Step(
        Event.DELETE,
        (State.WAITING, State.HELD),
        None,
        "discarded",
        "the operator deletes it, or its sender does, and nobody is told",
    ),
)

_BY_EVENT = {row.event: row for row in TABLE}


def step(event: Event) -> Step:
    return _BY_EVENT[event]


def source(event: Event) -> str:
    """The state an arrow with one source leaves, as the column spells it."""
    (state,) = _BY_EVENT[event].sources
    return state.value


def target(event: Event) -> str:
    """The state an arrow leads to, as the column spells it. Raises KeyError for an arrow that ends."""
    state = _BY_EVENT[event].target
    if state is None:
        raise KeyError(event)
    return state.value


def as_markdown() -> str:
    """The table as ARCHITECTURE.md prints it."""
    lines = ["| from | event | to | ledger | meaning |", "|---|---|---|---|---|"]
    for row in TABLE:
        sources = ", ".join(state.value for state in row.sources) or "-"
        reached = row.target.value if row.target else "(gone)"
        lines.append(f"| {sources} | {row.event.value} | {reached} | {row.ledger or '-'} | {row.meaning} |")
    return "\n".join(lines) + "\n"
