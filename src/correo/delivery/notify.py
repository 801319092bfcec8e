"""What must follow the commit of a delivery: tell those who wait."""

from __future__ import annotations

from correo.delivery.sorting import Accepted
from correo.storage.bus import QUEUE, Bus, account


def publish(bus: Bus, accepted: Accepted) -> None:
    for account_id in accepted.accounts:
        bus.publish(account(account_id))
    if accepted.queued:
        bus.publish(QUEUE)
