"""What the operator does to the queue, with the ledger in the same transaction; one slice a call, as `queue.control` does it.

Call again until nothing is returned. What is being tried at this moment is left alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from correo import ledger, mailbox, queue
from correo.clock import Chance
from correo.ledger import Event
from correo.mail.outcome import Failed
from correo.mail.status import Status
from correo.mail.way import Way
from correo.queue import QueuedRecipient, Selection
from correo.storage.db import Tx
from correo.transport.settling import Policy, Settled, affected, fail

OPERATOR = "by the operator"
DELETED = "deleted"  # the rule under which is discarded what the operator deletes
# RFC 3463 §3.3: delivery was ended by the one who runs the system, not for a reason of mail.
WITHDRAWN = Status(554, "5.7.0", "Returned by the operator of this server before it could be delivered")


async def hold(tx: Tx, selection: Selection, chance: Chance, now: int) -> list[QueuedRecipient]:
    """Stop what waits."""
    moved = await queue.hold(tx, selection)
    await _note(tx, moved, Event.HELD, chance, now)
    return moved


async def release(tx: Tx, selection: Selection, chance: Chance, now: int) -> list[QueuedRecipient]:
    """Let go on what is held, due at once."""
    moved = await queue.release(tx, selection, now)
    await _note(tx, moved, Event.RELEASED, chance, now)
    return moved


async def retry(tx: Tx, selection: Selection, chance: Chance, now: int) -> list[QueuedRecipient]:
    """Make due at once what waits for later."""
    return await queue.retry(tx, selection, now)


async def reroute(
    tx: Tx, selection: Selection, way: Way | None, chance: Chance, now: int
) -> list[QueuedRecipient]:
    """Send another way, at once, what waits or is held; None: the way of its domain again. Call again from the last id on."""
    moved = await queue.reroute(tx, selection, way, now)
    await _note(tx, moved, Event.REROUTED, chance, now, f"to {way or 'its own mail hosts'}, {OPERATOR}")
    return moved


async def delete(tx: Tx, selection: Selection, chance: Chance, now: int) -> list[QueuedRecipient]:
    """Let what waits or is held disappear; nobody is told."""
    taken = await _withdrawn(tx, selection, now)
    await _note(tx, taken, Event.DISCARDED, chance, now, f"{DELETED}: {OPERATOR}")
    return taken


async def bounce(
    tx: Tx, selection: Selection, policy: Policy, chance: Chance, now: int
) -> list[QueuedRecipient]:
    """Return to its sender what waits or is held: one notice for each message."""
    recipients = sorted(await _withdrawn(tx, selection, now), key=lambda one: (one.message.id, one.id))
    for _, group in groupby(recipients, key=lambda one: one.message.id):
        await _return(tx, list(group), policy, chance, now)
    return recipients


async def _withdrawn(tx: Tx, selection: Selection, now: int) -> list[QueuedRecipient]:
    taken = await queue.withdraw(tx, selection)
    for recipient, last in taken:
        if last:
            await mailbox.orphan(tx, recipient.message.content_id, now)
    return [one for one, _ in taken]


async def _return(
    tx: Tx, recipients: Sequence[QueuedRecipient], policy: Policy, chance: Chance, now: int
) -> None:
    outcome = Failed(WITHDRAWN)
    never = 0  # when it was tried the last time is not known, and this is no attempt
    failures = [(one, affected(one, outcome, never)) for one in recipients]
    await fail(tx, recipients[0].message, failures, policy, chance, now, Settled())


async def _note(
    tx: Tx, moved: Sequence[QueuedRecipient], event: Event, chance: Chance, now: int, detail: str = OPERATOR
) -> None:
    for one in moved:
        id = chance.id(now)
        await ledger.record(
            tx, one.message.id, id=id, at=now, recipient=one.folded, event=event, detail=detail
        )
