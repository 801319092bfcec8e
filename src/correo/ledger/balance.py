"""The proof: what came in is what went out, plus what lies in the queue."""

from __future__ import annotations

from dataclasses import dataclass

from correo.ledger.entries import Event
from correo.storage.db import Tx


@dataclass(frozen=True, slots=True)
class Balance:
    """Recipients since the ledger began."""

    accepted: int  # after expansion: an alias with three targets counts three
    delivered: int
    relayed: int
    bounced: int
    discarded: int
    queued_by_ledger: int  # accepted less the four ends
    queued_in_queue: int  # rows of queue_recipient
    difference: int  # 0, or something was lost (positive) or done twice (negative)


_SUMS = """SELECT event, COUNT(*), SUM(delta) FROM ledger_entry WHERE delta <> 0 GROUP BY event
UNION ALL SELECT event, count, delta FROM ledger_forgotten"""
_QUEUED = "SELECT COUNT(*) FROM queue_recipient"


async def balance(tx: Tx) -> Balance:
    """Reads the whole ledger: for `scan`."""
    counts: dict[Event, int] = {}
    deltas: dict[Event, int] = {}
    for event, count, delta in await tx.all(_SUMS):
        counts[Event(event)] = counts.get(Event(event), 0) + count
        deltas[Event(event)] = deltas.get(Event(event), 0) + int(delta)
    by_ledger = sum(deltas.values())
    row = await tx.one(_QUEUED)
    in_queue = row[0] if row else 0
    return Balance(
        accepted=deltas.get(Event.ACCEPTED, 0) + deltas.get(Event.EXPANDED, 0),
        delivered=counts.get(Event.DELIVERED, 0),
        relayed=counts.get(Event.RELAYED, 0),
        bounced=counts.get(Event.BOUNCED, 0),
        discarded=counts.get(Event.DISCARDED, 0),
        queued_by_ledger=by_ledger,
        queued_in_queue=in_queue,
        difference=by_ledger - in_queue,
    )
