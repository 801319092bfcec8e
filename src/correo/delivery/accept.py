"""Taking responsibility for a message, in one transaction (law 7): into every place it belongs, and the word to its sender."""

from __future__ import annotations

from dataclasses import replace

from correo.clock import Chance
from correo.delivery.bounce import delivered
from correo.delivery.sorting import Accepted, Incoming, sort
from correo.storage.db import Tx


async def accept(tx: Tx, incoming: Incoming, chance: Chance, now: int) -> Accepted:
    """`sort`, and where the sender asked for it, the notice that it has arrived. Raises what `sort` raises."""
    done = await sort(tx, incoming, chance, now)
    accepted = done.accepted
    if not done.successes or incoming.sender is None:
        return accepted
    told = (await delivered(tx, incoming, incoming.sender, done, chance, now)).accepted
    return replace(
        accepted,
        accounts=accepted.accounts | told.accounts,
        queued=accepted.queued + told.queued,
        discarded=accepted.discarded + told.discarded,
    )
