"""A destination that is down rests as a whole: what waits for it is put off in one sweep, not tried message by message.

Whatever needs more than waiting by then - it expires, or its sender is to be warned - keeps its time, so that somebody settles it.
"""

from __future__ import annotations

from collections.abc import Sequence

from correo.mail.status import Status
from correo.queue.entry import QueuedRecipient
from correo.queue.settle import MAX_REPLY
from correo.queue.states import Event, State, target
from correo.storage.db import Tx

SWEEP = 1_000  # recipients in one transaction: some milliseconds

_SETTING = (
    "state = $1, lease = '', lease_until = 0, next_try = $2, code = $3, enhanced = $4, reply = $5, host = $6"
)

_CLAIMED = f"UPDATE queue_recipient SET {_SETTING} WHERE id = $7 AND state = $8 AND lease = $9"

# What its sender holds (RFC 4865) is left alone: put off, it would count as tried, and the operator could hurry it.
# So is what ends before the destination is tried again, by its message, its route ($11) or its urgency ($12), and that of which a
# sender is to be told before: whoever wants no word of delays (the bit of `Notify.DELAY`), or has no address for it, is not.
# As in `claim`, no index is to serve the condition outside: the rows are found by their ids.
_WAITING = f"""
UPDATE queue_recipient SET {_SETTING} WHERE state || '' = $7 AND id IN (
  SELECT r.id FROM queue_recipient AS r JOIN queue_message AS m ON m.id = r.message_id
  WHERE r.destination = $8 AND r.state = $7 AND r.next_try < $2
    AND NOT (r.attempts = 0 AND r.code = 0 AND r.next_try > r.created AND r.next_try > $9)
    AND m.expires > $2 AND (m.deliver_by = 0 OR m.deliver_by > $2)
    AND ($11 = 0 OR m.created + $11 > $2) AND ($12 = 0 OR m.priority <= 0 OR m.created + $12 > $2)
    AND (r.warned = 1 OR m.warn_at = 0 OR m.warn_at > $2 OR m.sender = '' OR (r.notify >= 0 AND r.notify & 4 = 0))
  ORDER BY r.next_try LIMIT $10)
RETURNING id"""


async def postpone(
    tx: Tx, claimed: Sequence[tuple[QueuedRecipient, int]], *, status: Status, host: str
) -> None:
    """Let go of what was claimed and not tried, each until his time; `status` says why. It is no attempt."""
    active = State.ACTIVE.value
    await tx.many(
        _CLAIMED, ((*_setting(until, status, host), one.id, active, one.lease) for one, until in claimed)
    )


async def postpone_waiting(
    tx: Tx,
    destination: str,
    now: int,
    *,
    until: int,
    status: Status,
    host: str,
    lifetime: int = 0,
    urgent_lifetime: int = 0,
    limit: int = SWEEP,
) -> int:
    """The same for up to `limit` of those that wait for `destination` and would be due before `until`; how many.

    `lifetime`: for how long all of them are tried, `urgent_lifetime` those with a priority; 0: as long as their messages say.
    Call again until there are fewer than `limit`.
    """
    moved = await tx.all(
        _WAITING,
        *_setting(until, status, host),
        State.WAITING.value,
        destination,
        now,
        limit,
        lifetime,
        urgent_lifetime,
    )
    return len(moved)


def _setting(until: int, status: Status, host: str) -> tuple[object, ...]:
    return target(Event.POSTPONE), until, status.code, status.enhanced, status.text[:MAX_REPLY], host
