"""The way in: called by the one transaction that accepts a message."""

from __future__ import annotations

from collections.abc import Sequence

from correo.mail.address import Address
from correo.queue.entry import UNSAID, NewRecipient, QueuedMessage
from correo.queue.states import Event, target
from correo.storage.db import Tx

_MESSAGE = """INSERT INTO queue_message
  (id, sender, content_id, skip, size, body, utf8, account_id, remaining, created, expires, warn_at, ret,
   envid)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)"""

_RECIPIENT = """INSERT INTO queue_recipient
  (id, message_id, address, folded, original, destination, state, attempts, next_try, lease, lease_until, warned,
   code, enhanced, reply, host, created, notify, orcpt)
  VALUES ($1, $2, $3, $4, $5, $6, $7, 0, $8, '', 0, 0,
   0, '', '', '', $9, $10, $11)"""


async def enqueue(tx: Tx, message: QueuedMessage, recipients: Sequence[NewRecipient], now: int) -> None:
    """Queue `message` for all its `recipients`, due at once. A message is queued once and for at least one recipient.

    Publish `storage.bus.QUEUE` after the commit.
    """
    if not recipients:
        raise ValueError("a queued message has recipients")
    await tx.run(
        _MESSAGE,
        message.id,
        message.sender,
        message.content_id,
        message.skip,
        message.size,
        message.body,
        int(message.utf8),
        message.account_id,
        len(recipients),
        message.created,
        message.expires,
        message.warn_at,
        message.ret,
        message.envelope_id,
    )
    state = target(Event.ENQUEUE)
    rows = []
    for new in recipients:
        folded = Address.parse(new.address).folded
        notify = UNSAID if new.wishes.notify is None else new.wishes.notify.value
        rows.append(
            (
                new.id,
                message.id,
                new.address,
                folded,
                new.original,
                new.destination,
                state,
                now,
                now,
                notify,
                new.wishes.original,
            )
        )
    await tx.many(_RECIPIENT, rows)
