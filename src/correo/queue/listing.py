"""What the operator sees of the queue."""

from __future__ import annotations

from dataclasses import dataclass

from correo.queue.control import Selection
from correo.queue.entry import RECIPIENT, QueuedRecipient, with_messages
from correo.queue.states import State
from correo.storage.db import Tx


@dataclass(frozen=True, slots=True)
class Census:
    """How much is in the queue."""

    recipients: dict[State, int]
    messages: int
    size: int  # octets of all messages, each counted once
    oldest: int | None  # when the oldest message came


async def list_recipients(
    tx: Tx, selection: Selection, *, after: int = 0, limit: int = 1_000
) -> list[QueuedRecipient]:
    """In the order of their ids, from the first larger than `after`: call again with the last id for the next page."""
    condition, values = selection.condition(3)
    rows = await tx.all(
        f"SELECT {RECIPIENT} FROM queue_recipient WHERE id > $1 AND {condition} ORDER BY id LIMIT $2",
        after,
        limit,
        *values,
    )
    return await with_messages(tx, rows)


async def count(tx: Tx, selection: Selection) -> dict[State, int]:
    """How many there are in each state. May read all of an index: for `scan`, not `read`."""
    condition, values = selection.condition(1)
    rows = await tx.all(
        f"SELECT state, count(*) FROM queue_recipient WHERE {condition} GROUP BY state", *values
    )
    counted = {str(state): int(number) for state, number in rows}
    return {state: counted.get(state.value, 0) for state in State}


async def newest(tx: Tx) -> int:
    """When the recipient came that is the newest by the clock of then; 0 for none. May read all of a table: for `scan`, not `read`."""
    row = await tx.one("SELECT coalesce(max(created), 0) FROM queue_recipient")
    return int(row[0]) if row else 0


async def census(tx: Tx) -> Census:
    """Reads all of an index: for `scan`, not `read`."""
    rows = await tx.all("SELECT state, count(*) FROM queue_recipient GROUP BY state")
    counted = {str(state): int(count) for state, count in rows}
    row = await tx.one("SELECT count(*), coalesce(sum(size), 0), min(created) FROM queue_message")
    messages, size, oldest = row or (0, 0, None)
    return Census({state: counted.get(state.value, 0) for state in State}, messages, size, oldest)
