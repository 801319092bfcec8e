"""What the outcomes of one delivery do to the queue and the ledger: one transaction, with the notice to the sender in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from correo import ledger, mailbox, queue
from correo.clock import Chance
from correo.delivery import Accepted
from correo.delivery.bounce import NO_SENDER, Returned, bounce, relayed, warn
from correo.ledger import Event, show_id
from correo.mail.dsn import Action, Affected
from correo.mail.outcome import Deferred, Delivered, Failed, Outcome
from correo.mail.wishes import Notify
from correo.queue import QueuedMessage, QueuedRecipient
from correo.queue.schedule import Schedule, next_try
from correo.storage.db import Tx
from correo.wire.smtp.dsn import original_recipient

UNWANTED = (
    "notify-never"  # the rule under which a failure is discarded that the sender does not want to hear of
)


@dataclass(frozen=True, slots=True)
class Policy:
    hostname: str  # who signs notices
    schedule: Schedule


@dataclass(slots=True)
class Settled:
    """What must follow the commit: `accepted` are the notices that were put into the system."""

    accepted: list[Accepted] = field(default_factory=list)
    lost: int = 0  # recipients whose lease had ended: somebody else settles them


@dataclass(frozen=True, slots=True)
class _Books:
    """The ledger of one message, for rows of one instant."""

    tx: Tx
    message_id: int
    chance: Chance
    now: int

    async def note(self, event: Event, recipient: str, host: str = "", detail: str = "") -> None:
        await ledger.record(
            self.tx,
            self.message_id,
            id=self.chance.id(self.now),
            at=self.now,
            recipient=recipient,
            event=event,
            host=host,
            detail=detail,
        )


async def settle(
    tx: Tx,
    attempts: Sequence[tuple[QueuedRecipient, Outcome]],
    policy: Policy,
    chance: Chance,
    now: int,
) -> Settled:
    """Settle recipients of one message that were tried together. Those whose lease was lost are left alone."""
    message = attempts[0][0].message
    books = _Books(tx, message.id, chance, now)
    settled = Settled()
    failures: list[tuple[QueuedRecipient, Affected]] = []
    warnings: list[tuple[QueuedRecipient, Affected]] = []
    successes: list[Affected] = []
    for recipient, outcome in attempts:
        match outcome:
            case Deferred() if now < message.expires:
                warning = bool(recipient.warn_at and recipient.warn_at <= now and message.sender)
                if not await _defer(books, recipient, outcome, policy, warning):
                    settled.lost += 1
                elif warning:
                    warnings.append((recipient, affected(recipient, outcome, now)))
            case Delivered():
                if await _take_out(tx, recipient, now):
                    await books.note(Event.RELAYED, recipient.folded, outcome.host, _answer(outcome))
                    if recipient.wishes.wants(Notify.SUCCESS) and not outcome.dsn:  # RFC 3461 §5.2.2 b
                        successes.append(affected(recipient, outcome, now))
                else:
                    settled.lost += 1
            case Deferred() | Failed():
                if await _take_out(tx, recipient, now):
                    failures.append((recipient, affected(recipient, outcome, now)))
                else:
                    settled.lost += 1
    if failures:
        await fail(tx, message, failures, policy, chance, now, settled)
    if warnings:
        await _warn(books, message, warnings, policy, settled)
    if successes:
        lifetime = policy.schedule.lifetime
        _collect(
            settled,
            await relayed(
                tx, message, successes, hostname=policy.hostname, lifetime=lifetime, chance=chance, now=now
            ),
        )
    return settled


async def fail(
    tx: Tx,
    message: QueuedMessage,
    failures: Sequence[tuple[QueuedRecipient, Affected]],
    policy: Policy,
    chance: Chance,
    now: int,
    settled: Settled,
) -> None:
    """Tell the sender, once, of recipients that have been taken out of the queue, and account for them."""
    books = _Books(tx, message.id, chance, now)
    wanted = [what for recipient, what in failures if recipient.wishes.wants(Notify.FAILURE)]
    returned = await bounce(
        tx,
        message,
        wanted,
        hostname=policy.hostname,
        lifetime=policy.schedule.lifetime,
        chance=chance,
        now=now,
    )
    for recipient, what in failures:
        if not recipient.wishes.wants(Notify.FAILURE):
            await books.note(Event.DISCARDED, recipient.folded, what.host, f"{UNWANTED}: {what.status}")
        elif returned:
            detail = f"{what.status} (returned as {show_id(returned.id)})"
            await books.note(Event.BOUNCED, recipient.folded, what.host, detail)
        else:
            await books.note(Event.DISCARDED, recipient.folded, what.host, f"{NO_SENDER}: {what.status}")
    _collect(settled, returned)


def affected(recipient: QueuedRecipient, outcome: Outcome, now: int) -> Affected:
    """`outcome` as the sender is told of it; the address he wrote only where an alias made another of it."""
    written = "" if recipient.original == recipient.address else recipient.original
    action = Action.RELAYED if isinstance(outcome, Delivered) else Action.FAILED
    original = original_recipient(recipient.wishes.original)
    return Affected(recipient.parsed, written, outcome.status, outcome.host, now, original, action)


async def _defer(
    books: _Books, recipient: QueuedRecipient, outcome: Deferred, policy: Policy, warning: bool
) -> bool:
    """Back into the queue until the next try; whether it was still ours."""
    message, now = recipient.message, books.now
    again = next_try(
        recipient.attempts + 1,
        policy.schedule.retry,
        books.chance.random,
        now,
        expires=message.expires,
        warn_at=0 if warning or not message.sender else recipient.warn_at,
    )
    kept = await queue.defer(
        books.tx,
        recipient,
        status=outcome.status,
        host=outcome.host,
        next_try=again,
        warned=recipient.warned or warning,
    )
    if kept:
        await books.note(Event.DEFERRED, recipient.folded, outcome.host, str(outcome.status))
    return kept


async def _take_out(tx: Tx, recipient: QueuedRecipient, now: int) -> bool:
    """Out of the queue for good; whether it was still ours."""
    taken = await queue.take_out(tx, recipient)
    if taken is None:
        return False
    if taken.last:
        await mailbox.orphan(tx, taken.content_id, now)
    return True


async def _warn(
    books: _Books,
    message: QueuedMessage,
    warnings: Sequence[tuple[QueuedRecipient, Affected]],
    policy: Policy,
    settled: Settled,
) -> None:
    returned = await warn(
        books.tx,
        message,
        [what for _, what in warnings],
        hostname=policy.hostname,
        lifetime=policy.schedule.lifetime,
        chance=books.chance,
        now=books.now,
    )
    if returned:
        for recipient, _ in warnings:
            await books.note(Event.WARNED, recipient.folded, detail=f"sent as {show_id(returned.id)}")
    _collect(settled, returned)


def _collect(settled: Settled, returned: Returned | None) -> None:
    if returned:
        settled.accepted.append(returned.accepted)


def _answer(outcome: Delivered) -> str:
    return f"{outcome.status}; {outcome.tls}" if outcome.tls else str(outcome.status)
