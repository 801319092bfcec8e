"""What the operator does to the queue by hand, with the ledger rows that belong to it.

Each function is a transaction over one slice of what was selected and returns how many recipients that were; call it again
until it returns 0. After the commit, publish what `Settled` holds, and `storage.bus.QUEUE` where something became due.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby

from correo import ledger, mailbox, queue
from correo.clock import Chance
from correo.ledger import Event
from correo.mail.outcome import Failed
from correo.mail.status import Status
from correo.queue import QueuedRecipient, Selection
from correo.storage.db import Tx
from correo.transport.settling import Policy, Settled, affected, fail

BY_HAND = "returned by the operator of this server before its time was up"


@dataclass(slots=True)
class Withdrawn:
    recipients: int = 0
    settled: Settled = field(default_factory=Settled)


async def hold(tx: Tx, selection: Selection, chance: Chance, now: int) -> int:
    """Stop what is waiting."""
    return await _note(tx, await queue.hold(tx, selection), Event.HELD, chance, now)


async def release(tx: Tx, selection: Selection, chance: Chance, now: int) -> int:
    """Let go on what is held, at once."""
    return await _note(tx, await queue.release(tx, selection, now), Event.RELEASED, chance, now)


async def retry(tx: Tx, selection: Selection, now: int) -> int:
    """Try at once what waits for later."""
    return len(await queue.retry(tx, selection, now))


async def withdraw(tx: Tx, selection: Selection, policy: Policy, chance: Chance, now: int) -> Withdrawn:
    """Return to their senders what is waiting or held; discard it where there is no sender."""
    withdrawn = Withdrawn()
    taken = await queue.withdraw(tx, selection)
    for one, last in taken:
        if last:
            await mailbox.orphan(tx, one.message.content_id, now)
    by_message = sorted((one for one, _ in taken), key=lambda one: one.message.id)
    for _, group in groupby(by_message, key=lambda one: one.message.id):
        recipients = list(group)
        failures = [(one, affected(one, _last_word(one), now)) for one in recipients]
        await fail(tx, recipients[0].message, failures, policy, chance, now, withdrawn.settled)
        withdrawn.recipients += len(recipients)
    return withdrawn


def _last_word(one: QueuedRecipient) -> Failed:
    last = f"; the last answer was: {one.status}" if one.status else ""
    return Failed(Status(550, "5.0.0", f"{BY_HAND}{last}"))


async def _note(tx: Tx, moved: Sequence[QueuedRecipient], event: Event, chance: Chance, now: int) -> int:
    for one in moved:
        await ledger.record(
            tx, one.message.id, id=chance.id(now), at=now, recipient=one.folded, event=event, detail="by hand"
        )
    return len(moved)
