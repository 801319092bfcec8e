"""Writing the journey down."""

from __future__ import annotations

from enum import Enum

from correo.storage.db import Tx

MAX_TEXT = 1000  # characters kept of what other servers and senders wrote


class Event(Enum):
    """What can become of a recipient; DELTA says what it does to the number in our care."""

    ACCEPTED = "accepted"
    EXPANDED = "expanded"  # an alias: one recipient gave way to n
    DELIVERED = "delivered"  # it lies in a mailbox here
    RELAYED = "relayed"  # another server took responsibility
    BOUNCED = "bounced"  # the sender was told
    DISCARDED = "discarded"  # by the rule that the detail names
    DEFERRED = "deferred"
    WARNED = "warned"  # the sender was told that it takes longer
    HELD = "held"
    RELEASED = "released"
    REROUTED = "rerouted"  # the operator sent it another way


DELTA: dict[Event, int] = {
    Event.ACCEPTED: 1,
    Event.EXPANDED: -1,  # and one more for each target
    Event.DELIVERED: -1,
    Event.RELAYED: -1,
    Event.BOUNCED: -1,
    Event.DISCARDED: -1,
    Event.DEFERRED: 0,
    Event.WARNED: 0,
    Event.HELD: 0,
    Event.RELEASED: 0,
    Event.REROUTED: 0,
}

_OPEN = """INSERT INTO ledger_message (id, at, protocol, source, account, sender, message_id, subject, size)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"""
_RECORD = """INSERT INTO ledger_entry (message_id, id, at, recipient, event, delta, host, detail)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"""


async def open_message(
    tx: Tx,
    *,
    id: int,
    at: int,
    protocol: str,
    source: str,
    account: str,
    sender: str,
    message_id: str,
    subject: str,
    size: int,
) -> None:
    """A message came in. Addresses in their comparison form, "" where there is none; `size` in octets."""
    await tx.run(
        _OPEN,
        id,
        at,
        protocol,
        source,
        account,
        sender,
        message_id[:MAX_TEXT],
        subject[:MAX_TEXT],
        size,
    )


async def record(
    tx: Tx,
    message_id: int,
    *,
    id: int,
    at: int,
    recipient: str,
    event: Event,
    host: str = "",
    detail: str = "",
    targets: int = 1,
) -> None:
    """Something became of one recipient of the message `message_id` (the ledger's id, not the header field).

    `targets` is for EXPANDED alone: how many recipients took the place of this one (0: none, and it has ended).
    """
    delta = DELTA[event] + (targets if event is Event.EXPANDED else 0)
    await tx.run(
        _RECORD, message_id, id, at, recipient, event.value, delta, host[:MAX_TEXT], detail[:MAX_TEXT]
    )
