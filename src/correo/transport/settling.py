"""What the outcomes of one delivery do to the queue and the ledger: one transaction, with the notice to the sender in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from correo import ledger, mailbox, queue
from correo.clock import Chance
from correo.delivery import Accepted
from correo.delivery.bounce import NO_SENDER, Returned, bounce, relayed, warn
from correo.delivery.held import file_held, find_room
from correo.ledger import Event, show_id
from correo.mail.address import Address
from correo.mail.dsn import Action, Affected
from correo.mail.outcome import Deferred, Delivered, Discarded, Failed, Held, Outcome
from correo.mail.status import Status
from correo.mail.wishes import Notify
from correo.queue import QueuedMessage, QueuedRecipient
from correo.queue.schedule import Schedule, next_try
from correo.storage.db import Tx
from correo.transport.lanes import Limits
from correo.transport.routes import Route, Routes
from correo.wire.smtp.dsn import original_recipient

ROUTED = "route"  # the rule under which is discarded what the operator wants to go nowhere
UNWANTED = (
    "notify-never"  # the rule under which a failure is discarded that the sender does not want to hear of
)


@dataclass(frozen=True, slots=True)
class Policy:
    hostname: str  # who signs notices
    schedule: Schedule
    routes: Routes = field(default_factory=Routes)  # what some mail has of its own

    def limits(self, recipient: QueuedRecipient, usual: Limits) -> Limits:
        """Of the lane that it belongs to."""
        return usual if recipient.local else self.limits_of(recipient.destination, usual)

    def limits_of(self, destination: str, usual: Limits) -> Limits:
        route = self.routes.find(destination)
        if route is None:
            return usual
        return Limits(route.concurrency or usual.concurrency, route.rate or usual.rate)

    def retry(self, recipient: QueuedRecipient) -> tuple[int, ...]:
        route = self._route(recipient)
        return (route and route.retry) or self.schedule.pauses(recipient.message.terms.priority)

    def gives_up(self, recipient: QueuedRecipient) -> int:
        """When it is returned at the latest: by its route, its urgency or its message, but never later than its sender wants."""
        route, message = self._route(recipient), recipient.message
        lifetime = route.lifetime if route else 0
        if not lifetime and message.terms.priority > 0:
            lifetime = self.schedule.urgent_lifetime
        if not lifetime:
            return message.gives_up
        # From when its sender did not hold it any more (RFC 4865 §4), which alone moves the end that far away.
        begin = max(message.created, message.expires - self.schedule.lifetime)
        expires = begin + lifetime
        return min(expires, message.terms.deliver_by) if message.terms.by_return else expires

    def lifetimes(self, destination: str) -> tuple[int, int]:
        """For how long all mail for it is tried, and what is urgent; 0: as long as its messages say."""
        route = self.routes.find(destination)
        return (route.lifetime, 0) if route and route.lifetime else (0, self.schedule.urgent_lifetime)

    def _route(self, recipient: QueuedRecipient) -> Route | None:
        return None if recipient.local else self.routes.find(recipient.destination)


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
        if recipient.local and isinstance(outcome, Delivered):
            outcome = await find_room(tx, recipient)  # now, in the transaction that files it
        match outcome:
            case Deferred() if now < policy.gives_up(recipient):
                warning = bool(recipient.warn_at and recipient.warn_at <= now and message.sender)
                if not await _defer(books, recipient, outcome, policy, warning):
                    settled.lost += 1
                elif warning:
                    warnings.append((recipient, affected(recipient, _late(message, outcome, now), now)))
            case Delivered():
                if await _take_out(tx, recipient, now):
                    await _arrived(books, recipient, outcome, settled)
                    if _is_told(recipient, outcome):
                        successes.append(affected(recipient, outcome, now))
                else:
                    settled.lost += 1
            case Held():
                if await queue.park(tx, recipient, status=outcome.status):
                    await books.note(Event.HELD, recipient.folded, detail=outcome.status.text)
                else:
                    settled.lost += 1
            case Discarded():
                if await _take_out(tx, recipient, now):
                    await books.note(
                        Event.DISCARDED, recipient.folded, detail=f"{ROUTED}: {outcome.status.text}"
                    )
                else:
                    settled.lost += 1
            case Deferred() | Failed():
                if await _take_out(tx, recipient, now):
                    failures.append((recipient, affected(recipient, _late(message, outcome, now), now)))
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


def is_only_relayed(attempts: Sequence[tuple[QueuedRecipient, Outcome]]) -> bool:
    """Whether the next server has it, and nobody here gets anything or is told."""
    return all(
        isinstance(outcome, Delivered) and not recipient.local and not _is_told(recipient, outcome)
        for recipient, outcome in attempts
    )


async def _arrived(books: _Books, recipient: QueuedRecipient, outcome: Delivered, settled: Settled) -> None:
    """At the next server, or in a mailbox here."""
    if not recipient.local:
        await books.note(Event.RELAYED, recipient.folded, outcome.host, _answer(outcome))
        return
    account_id, detail = await file_held(books.tx, recipient, books.now)
    await books.note(Event.DELIVERED, recipient.folded, detail=detail)
    settled.accepted.append(Accepted(frozenset({account_id}), 0))


def _is_told(recipient: QueuedRecipient, outcome: Delivered) -> bool:
    """Whether the sender hears from us that it came so far."""
    wishes, terms = recipient.wishes, recipient.message.terms
    if wishes.wants(Notify.SUCCESS) and not outcome.dsn:  # RFC 3461 §5.2.2 b
        return True
    if not terms.deliver_by or recipient.local or not wishes.wants(Notify.DELAY):
        return False
    # RFC 2852 §4.1.3: to where nobody watches the time any more, or because he wants to follow its way.
    return terms.by_trace or not outcome.deliver_by


def _late(message: QueuedMessage, outcome: Deferred | Failed, now: int) -> Deferred | Failed:
    """What is told where the sender's own time has come: the last answer under a status of its own (RFC 2852 §4.1)."""
    if isinstance(outcome, Failed) or not 0 < message.terms.deliver_by <= now:
        return outcome
    status = Status(outcome.status.code, "4.4.7", outcome.status.text)
    if not message.terms.by_return:
        return Deferred(status, outcome.host)
    return Failed(Status(554, "5.4.7", outcome.status.text), outcome.host)


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


def affected(recipient: QueuedRecipient, outcome: Outcome, at: int) -> Affected:
    """`outcome` of the attempt `at` (0: of none) as the sender is told of it; the address he wrote only where an alias made another of it.

    Of an account here he is told by the address he wrote alone, as if it had not been held (RFC 3461 §5.2.7.4).
    """
    address = Address.parse(recipient.original) if recipient.local else recipient.parsed
    written = "" if recipient.local or recipient.original == recipient.address else recipient.original
    arrived = Action.DELIVERED if recipient.local else Action.RELAYED
    action = arrived if isinstance(outcome, Delivered) else Action.FAILED
    original = original_recipient(recipient.wishes.original)
    return Affected(address, written, outcome.status, outcome.host, at, original, action)


async def _defer(
    books: _Books, recipient: QueuedRecipient, outcome: Deferred, policy: Policy, warning: bool
) -> bool:
    """Back into the queue until the next try; whether it was still ours."""
    message, now = recipient.message, books.now
    again = next_try(
        recipient.attempts + 1,
        policy.retry(recipient),
        books.chance.random,
        now,
        expires=policy.gives_up(recipient),
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
        retry_until=min(policy.gives_up(recipient) for recipient, _ in warnings),
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
    return "; ".join(part for part in (str(outcome.status), outcome.tls, outcome.policy) if part)
