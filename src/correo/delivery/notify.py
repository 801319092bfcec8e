"""What must follow the commit of a delivery: tell those who wait."""

from __future__ import annotations

from correo.delivery.sorting import Accepted
from correo.mailbox import outbox_of
from correo.storage.bus import QUEUE, Bus, account


def publish(bus: Bus, accepted: Accepted) -> None:
    for account_id in accepted.accounts:
        bus.publish(account(account_id))
    if accepted.queued > len(accepted.claimed):
        bus.publish(QUEUE)
    if accepted.queued:
        stir_outbox(bus, accepted.submitter)


def stir_outbox(bus: Bus, account_id: int) -> None:
    """Something that the account has submitted came into the queue, or became different there; 0: it came from elsewhere."""
    if account_id:
        bus.publish(account(outbox_of(account_id)))
