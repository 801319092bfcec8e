"""The way in: called by the one transaction that accepts a message."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from correo.mail.address import Address
from correo.mail.terms import HEAD_START, Terms
from correo.queue.entry import UNSAID, Lease, NewRecipient, QueuedMessage, QueuedRecipient
from correo.queue.states import Event, State, target
from correo.storage.db import Tx

_MESSAGE = """INSERT INTO queue_message
  (id, sender, content_id, skip, size, body, utf8, account_id, remaining, created, expires, warn_at, ret,
   envid, deliver_by, by_mode, priority, tls)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)"""

_RECIPIENT = """INSERT INTO queue_recipient
  (id, message_id, address, folded, original, destination, state, attempts, next_try, lease, lease_until, warned,
   code, enhanced, reply, host, created, notify, orcpt, local, behind)
  VALUES ($1, $2, $3, $4, $5, $6, $7, 0, $8, $9, $10, 0,
   0, '', '', '', $11, $12, $13, $14, $15)"""


async def enqueue(
    tx: Tx,
    message: QueuedMessage,
    recipients: Sequence[NewRecipient],
    now: int,
    lease: Lease | None = None,
) -> list[QueuedRecipient]:
    """Queue `message` for all its `recipients`, due at once or when it is held no longer. A message is queued once and for at
    least one recipient.

    Returned are those that the `lease` is for: they are as if its owner had claimed them. Where others were queued, publish
    `storage.bus.QUEUE` after the commit.
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
        message.terms.deliver_by,
        _mode(message.terms),
        message.terms.priority,
        message.terms.protection.value,
    )
    due, behind = _place(message.terms, now)
    rows = []
    claimed: list[QueuedRecipient] = []
    known = replace(message, terms=replace(message.terms, hold_until=0))
    for new in recipients:
        leased = lease and due <= now and not new.local and new.destination in lease.destinations
        owner, until = (lease.owner, lease.until) if lease and leased else ("", 0)
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
                target(Event.HAND_OVER if leased else Event.ENQUEUE),
                due,
                owner,
                until,
                now,
                notify,
                new.wishes.original,
                int(new.local),
                behind,
            )
        )
        if leased:
            claimed.append(_claimed(new, known, folded, due, now, owner, until))
    await tx.many(_RECIPIENT, rows)
    return claimed


def _claimed(
    new: NewRecipient, message: QueuedMessage, folded: str, due: int, now: int, owner: str, until: int
) -> QueuedRecipient:
    """What `claim` would read."""
    return QueuedRecipient(
        id=new.id,
        message=message,
        address=new.address,
        folded=folded,
        original=new.original,
        destination=new.destination,
        state=State.ACTIVE,
        attempts=0,
        next_try=due,
        lease=owner,
        lease_until=until,
        warned=False,
        status=None,
        host="",
        created=now,
        wishes=new.wishes,
    )


def _place(terms: Terms, now: int) -> tuple[int, int]:
    """When it is due, and by how much it stands behind others that are due then.

    What is urgent counts as due before it came; what can wait is not due any later, or it would wait where nobody else does.
    """
    ahead = terms.priority * HEAD_START
    if terms.hold_until > now:
        return terms.hold_until, max(0, -ahead)
    return now - max(0, ahead), max(0, -ahead)


def _mode(terms: Terms) -> str:
    if not terms.deliver_by:
        return ""
    return ("R" if terms.by_return else "N") + ("T" if terms.by_trace else "")
