"""What the operator does to the queue, in slices: the queue may be long, and delivery goes on meanwhile.

Each function works on up to `limit` recipients and returns them; it is called again, in a transaction of its own, until it
returns none. What is being tried at this moment (`active`) is left alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from correo.mail.way import Way, as_destination
from correo.queue.entry import RECIPIENT, QueuedRecipient, with_messages
from correo.queue.settle import forget
from correo.queue.states import Event, State, source, step, target
from correo.storage.db import Tx

SLICE = 500  # recipients in one transaction

# The state is compared so that no index serves it: nearly all wait, and what is wanted is found by the index of what was selected,
# or by the ids, from `Selection.after` on. By the state each slice would read the whole queue.

# Of a domain: what waits for its own servers, and what the operator has sent another way (`mail.way.MARK` and the next character).
_ELSEWHERE = r"(destination = {domain} OR (destination >= '>' AND destination < '?' AND destination LIKE {pattern} ESCAPE '\'))"
_LITERALLY = re.compile(r"[%_\\]")

_BY_SENDER = "attempts = 0 AND code = 0 AND next_try > created"  # it waits because its sender wants it to


@dataclass(frozen=True, slots=True)
class Selection:
    """Which recipients: those that fit everything that is given; all of them when nothing is."""

    message_id: int | None = None
    recipient_id: int | None = None
    address: str | None = None  # comparison form
    destination: str | None = None  # comparison form of a domain, wherever its mail is sent
    sender: str | None = None  # as written in MAIL FROM, compared without case; "" is the null reverse-path
    before: int | None = None  # queued before this instant
    state: State | None = None
    after: int | None = None  # ids larger than this one: for going through what a function does not take away

    def condition(self, first: int) -> tuple[str, list[object]]:
        """SQL after WHERE, with its parameters numbered from `first`."""
        columns = (
            ("message_id = ", self.message_id),
            ("id = ", self.recipient_id),
            ("folded = ", self.address),
            ("created < ", self.before),
            ("state = ", self.state and self.state.value),
            ("id > ", self.after),
        )
        given = [(words, value) for words, value in columns if value is not None]
        parts = [f"{words}${first + at}" for at, (words, _) in enumerate(given)]
        values: list[object] = [value for _, value in given]
        if domain := self.destination or (self.address and self.address.rpartition("@")[2]):
            here = first + len(values)
            parts.append(_ELSEWHERE.format(domain=f"${here}", pattern=f"${here + 1}"))
            values += [domain, "% " + _LITERALLY.sub(r"\\\g<0>", domain)]
        if self.sender is not None:
            # Asked of each recipient in turn: a list of all messages of a sender who has very many would be made for each slice.
            here = first + len(values)
            inner = f"SELECT 1 FROM queue_message AS m WHERE m.id = message_id AND lower(m.sender) = lower(${here})"
            parts.append(f"EXISTS ({inner})")
            values.append(self.sender)
        return " AND ".join(parts) or "1 = 1", values


async def hold(tx: Tx, selection: Selection, limit: int = SLICE) -> list[QueuedRecipient]:
    """Stop what is waiting; those returned are held now."""
    return await _move(tx, Event.HOLD, selection, None, limit)


async def release(tx: Tx, selection: Selection, now: int, limit: int = SLICE) -> list[QueuedRecipient]:
    """Let go on what is held, due at once, or when its sender wanted it to be. Publish `storage.bus.QUEUE` after the commit."""
    return await _move(tx, Event.RELEASE, selection, now, limit)


async def retry(tx: Tx, selection: Selection, now: int, limit: int = SLICE) -> list[QueuedRecipient]:
    """Make due at once what waits for its next try. Publish `storage.bus.QUEUE` after the commit."""
    return await _move(tx, Event.RETRY, selection, now, limit)


async def reroute(
    tx: Tx, selection: Selection, way: Way | None, now: int, limit: int = SLICE
) -> list[QueuedRecipient]:
    """Send what is waiting or held another way, at once; None: the way of its domain again.

    Call again with the last id as `selection.after`. Publish `storage.bus.QUEUE` after the commit.
    """
    states = [state.value for state in step(Event.REROUTE).sources]
    condition, values = selection.condition(5)
    rows = await tx.all(
        f"""SELECT {RECIPIENT} FROM queue_recipient WHERE state || '' IN ($1, $2) AND local = $3 AND {condition}
            ORDER BY id LIMIT $4""",
        *states,
        0,
        limit,
        *values,
    )
    found = await with_messages(tx, rows)
    reached = target(Event.REROUTE)
    await tx.many(
        f"""UPDATE queue_recipient SET destination = $1, state = $2,
              next_try = CASE WHEN {_BY_SENDER} AND next_try > $3 THEN next_try ELSE $3 END
            WHERE id = $4 AND state IN ($5, $6)""",
        ((_destination(one, way), reached, now, one.id, *states) for one in found),
    )
    return found


def _destination(one: QueuedRecipient, way: Way | None) -> str:
    domain = one.folded.rpartition("@")[2]
    return as_destination(way, domain) if way else domain


async def withdraw(tx: Tx, selection: Selection, limit: int = SLICE) -> list[tuple[QueuedRecipient, bool]]:
    """Take out what is waiting or held, each with whether its message left with it.

    The caller bounces them, or says in the ledger that they were deleted.
    """
    row = step(Event.WITHDRAW)
    states = [state.value for state in row.sources]
    condition, values = selection.condition(len(states) + 2)
    places = ", ".join(f"${at}" for at in range(1, len(states) + 1))
    gone = await tx.all(
        f"""DELETE FROM queue_recipient WHERE state || '' IN ({places}) AND id IN (
              SELECT id FROM queue_recipient WHERE state || '' IN ({places}) AND {condition} ORDER BY id LIMIT ${len(states) + 1})
            RETURNING {RECIPIENT}""",
        *states,
        limit,
        *values,
    )
    taken = await with_messages(tx, sorted(gone))
    return [(one, await forget(tx, one.message.id)) for one in taken]


async def _move(
    tx: Tx, event: Event, selection: Selection, next_try: int | None, limit: int
) -> list[QueuedRecipient]:
    """One arrow of the table for up to `limit` recipients; the state is tested again at the row itself."""
    due = f"CASE WHEN {_BY_SENDER} AND next_try > $4 THEN next_try ELSE $4 END"
    setting = "state = $1" if next_try is None else f"state = $1, next_try = {due}"
    timed = [] if next_try is None else [next_try]
    condition, values = selection.condition(4 + len(timed))
    if event is Event.RETRY:
        # What was moved must not be found again, and what is held by its sender stays so (RFC 4865).
        condition += f" AND next_try > $4 AND NOT ({_BY_SENDER})"
    moved = await tx.all(
        f"""UPDATE queue_recipient SET {setting} WHERE state || '' = $2 AND id IN (
              SELECT id FROM queue_recipient WHERE state || '' = $2 AND {condition} ORDER BY id LIMIT $3)
            RETURNING {RECIPIENT}""",
        target(event),
        source(event),
        limit,
        *timed,
        *values,
    )
    return await with_messages(tx, sorted(moved))
