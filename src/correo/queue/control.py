"""What the operator does to the queue, in slices: the queue may be long, and delivery goes on meanwhile.

Each function works on up to `limit` recipients and returns them; it is called again, in a transaction of its own, until it
returns none. What is being tried at this moment (`active`) is left alone.
"""

from __future__ import annotations

from dataclasses import dataclass

from correo.queue.entry import RECIPIENT, QueuedRecipient, with_messages
from correo.queue.settle import forget
from correo.queue.states import Event, source, step, target
from correo.storage.db import Tx

SLICE = 500  # recipients in one transaction


@dataclass(frozen=True, slots=True)
class Selection:
    """Which recipients: those that fit everything that is given; all of them when nothing is."""

    message_id: int | None = None
    recipient_id: int | None = None
    address: str | None = None  # comparison form
    destination: str | None = None  # comparison form of a domain
    sender: str | None = None  # as written in MAIL FROM, compared without case; "" is the null reverse-path

    def condition(self, first: int) -> tuple[str, list[object]]:
        """SQL after WHERE, with its parameters numbered from `first`."""
        columns = (
            ("message_id = ", self.message_id),
            ("id = ", self.recipient_id),
            ("folded = ", self.address),
            ("destination = ", self.destination or (self.address and self.address.rpartition("@")[2])),
        )
        given = [(words, value) for words, value in columns if value is not None]
        parts = [f"{words}${first + at}" for at, (words, _) in enumerate(given)]
        values: list[object] = [value for _, value in given]
        if self.sender is not None:
            inner = f"SELECT id FROM queue_message WHERE lower(sender) = ${first + len(values)}"
            parts.append(f"message_id IN ({inner})")
            values.append(self.sender.lower())
        return " AND ".join(parts) or "1 = 1", values


async def hold(tx: Tx, selection: Selection, limit: int = SLICE) -> list[QueuedRecipient]:
    """Stop what is waiting; those returned are held now."""
    return await _move(tx, Event.HOLD, selection, None, limit)


async def release(tx: Tx, selection: Selection, now: int, limit: int = SLICE) -> list[QueuedRecipient]:
    """Let go on what is held, due at once. Publish `storage.bus.QUEUE` after the commit."""
    return await _move(tx, Event.RELEASE, selection, now, limit)


async def retry(tx: Tx, selection: Selection, now: int, limit: int = SLICE) -> list[QueuedRecipient]:
    """Make due at once what waits for later. Publish `storage.bus.QUEUE` after the commit."""
    return await _move(tx, Event.RETRY, selection, now, limit)


async def withdraw(tx: Tx, selection: Selection, limit: int = SLICE) -> list[tuple[QueuedRecipient, bool]]:
    """Take out what is waiting or held, each with whether its message left with it. The caller bounces them."""
    row = step(Event.WITHDRAW)
    states = [state.value for state in row.sources]
    condition, values = selection.condition(len(states) + 2)
    places = ", ".join(f"${at}" for at in range(1, len(states) + 1))
    gone = await tx.all(
        f"""DELETE FROM queue_recipient WHERE state IN ({places}) AND id IN (
              SELECT id FROM queue_recipient WHERE state IN ({places}) AND {condition} ORDER BY id LIMIT ${len(states) + 1})
            RETURNING {RECIPIENT}""",
        *states,
        limit,
        *values,
    )
    taken = await with_messages(tx, sorted(gone))
    return [(one, await forget(tx, one.message.id, 1)) for one in taken]


async def _move(
    tx: Tx, event: Event, selection: Selection, next_try: int | None, limit: int
) -> list[QueuedRecipient]:
    """One arrow of the table for up to `limit` recipients; the state is tested again at the row itself."""
    setting = "state = $1" if next_try is None else "state = $1, next_try = $4"
    timed = [] if next_try is None else [next_try]
    condition, values = selection.condition(4 + len(timed))
    if event is Event.RETRY:
        condition += " AND next_try > $4"  # what was moved must not be found again
    moved = await tx.all(
        f"""UPDATE queue_recipient SET {setting} WHERE state = $2 AND id IN (
              SELECT id FROM queue_recipient WHERE state = $2 AND {condition} ORDER BY id LIMIT $3)
            RETURNING {RECIPIENT}""",
        target(event),
        source(event),
        limit,
        *timed,
        *values,
    )
    return await with_messages(tx, sorted(moved))
