"""What an attempt led to. Only who holds the lease can settle, and only once."""

from __future__ import annotations

from dataclasses import dataclass

from correo.mail.status import Status
from correo.queue.entry import QueuedRecipient
from correo.queue.states import Event, source, target
from correo.storage.db import Tx

MAX_REPLY = 1_000  # characters of another server's answer that are kept


@dataclass(frozen=True, slots=True)
class Taken:
    """A recipient left the queue."""

    content_id: int
    last: bool  # the message left with it: nothing in the queue points to its content any more


async def defer(
    tx: Tx, claimed: QueuedRecipient, *, status: Status, host: str, next_try: int, warned: bool
) -> bool:
    """Wait until `next_try`, remembering the answer, and whether the sender has been `warned` that it still waits.

    False, and nothing is changed, where the lease was lost meanwhile.
    """
    changed = await tx.run(
        """UPDATE queue_recipient SET state = $1, lease = '', lease_until = 0, attempts = attempts + 1, next_try = $2,
             warned = $3, code = $4, enhanced = $5, reply = $6, host = $7
           WHERE id = $8 AND state = $9 AND lease = $10""",
        target(Event.DEFER),
        next_try,
        int(warned),
        status.code,
        status.enhanced,
        status.text[:MAX_REPLY],
        host,
        claimed.id,
        source(Event.DEFER),
        claimed.lease,
    )
    return changed == 1


async def park(tx: Tx, claimed: QueuedRecipient, *, status: Status) -> bool:
    """Hold it until the operator says otherwise; `status` says why. False, and nothing is changed, where the lease was lost."""
    changed = await tx.run(
        """UPDATE queue_recipient SET state = $1, lease = '', lease_until = 0, code = $2, enhanced = $3, reply = $4, host = ''
           WHERE id = $5 AND state = $6 AND lease = $7""",
        target(Event.PARK),
        status.code,
        status.enhanced,
        status.text[:MAX_REPLY],
        claimed.id,
        source(Event.PARK),
        claimed.lease,
    )
    return changed == 1


async def take_out(tx: Tx, claimed: QueuedRecipient) -> Taken | None:
    """The end: relayed, bounced or discarded. None, and nothing is changed, where the lease was lost meanwhile."""
    gone = await tx.run(
        "DELETE FROM queue_recipient WHERE id = $1 AND state = $2 AND lease = $3",
        claimed.id,
        source(Event.RELAY),
        claimed.lease,
    )
    if not gone:
        return None
    return Taken(claimed.message.content_id, await forget(tx, claimed.message.id))


async def forget(tx: Tx, message_id: int) -> bool:
    """Note that a recipient of a message was deleted; whether the message went with it.

    A counter, not a search for other rows: two transactions that each delete one of the last two would both find the other's.
    """
    row = await tx.one(
        "UPDATE queue_message SET remaining = remaining - 1 WHERE id = $1 RETURNING remaining",
        message_id,
    )
    if row is None or row[0] > 0:
        return False
    await tx.run("DELETE FROM queue_message WHERE id = $1", message_id)
    return True
