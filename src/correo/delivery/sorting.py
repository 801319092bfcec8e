"""One message into every place it belongs: mailboxes and queue."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from correo import ledger, mailbox, queue
from correo.accounts import (
    Account,
    LocalTarget,
    NoSuchUser,
    NotLocal,
    RemoteTarget,
    Resolution,
    Resolved,
    Target,
    get_account,
    resolve,
)
from correo.clock import Chance
from correo.ledger import Event
from correo.mail.address import Address
from correo.mail.dsn import Action, Affected
from correo.mail.errors import Kind, Refused
from correo.mail.flags import Flags
from correo.mail.status import Status
from correo.mail.terms import PLAIN, Terms
from correo.mail.wishes import NONE, Notify, Wishes
from correo.mailbox import Prepared, Room
from correo.queue import Lease
from correo.storage.db import Tx
from correo.wire.smtp.dsn import original_recipient

DUPLICATE = "duplicate-recipient"  # the rule under which a copy too many is discarded
NOBODY = "unknown-recipient"  # the rule under which a bounce is discarded that leads to nobody


@dataclass(frozen=True, slots=True)
class QueueTimes:
    """When a message that waits for another server is given up, and when its sender is warned (0 = never)."""

    expires: int
    warn_at: int


@dataclass(frozen=True, slots=True)
class Recipient:
    """One address of the envelope, as the client wrote it."""

    address: Address
    wishes: Wishes = NONE


@dataclass(frozen=True, slots=True)
class Incoming:
    """A message and its envelope, ready to be taken."""

    id: int  # names the message in the queue, in the ledger and in our 250
    sender: Address | None  # None is the null reverse-path
    recipients: tuple[Recipient, ...]
    prepared: Prepared
    return_path_size: int  # octets of the Return-Path field in front, which other servers must not get
    body: str  # 7BIT or 8BITMIME
    utf8: bool
    protocol: str
    source: str  # the client's address
    account: Account | None
    queue: QueueTimes
    submitter: str = ""  # the address (folded) of who has submitted it, where he did not log in; it need not be an account's
    hostname: str = ""  # who signs a notice that it arrived
    ret: str = ""  # RFC 3461 §4.3
    envelope_id: str = ""  # RFC 3461 §4.4
    terms: Terms = PLAIN
    lease: Lease | None = None  # of a worker that has room for it

    def is_held(self, now: int) -> bool:
        """Whether nobody may get it yet (RFC 4865)."""
        return self.terms.hold_until > now


@dataclass(frozen=True, slots=True)
class Accepted:
    """What was done; `accounts` have something new, `queued` recipients wait for other servers."""

    accounts: frozenset[int]
    queued: int
    discarded: int = 0
    submitter: int = 0  # the account that has submitted what waits, 0 for none
    claimed: tuple[queue.QueuedRecipient, ...] = ()  # of the `queued`, those that a worker has


@dataclass(frozen=True, slots=True)
class Sorted:
    """`successes` is what the sender wants to be told of now (RFC 3461 §5.2.3)."""

    accepted: Accepted
    content_id: int
    successes: list[Affected]


@dataclass(slots=True)
class _Sorting:
    """What is known while one message is sorted."""

    content_id: int
    accounts: set[int] = field(default_factory=set)
    remote: dict[str, queue.NewRecipient] = field(default_factory=dict)
    held: dict[int, queue.NewRecipient] = field(default_factory=dict)  # by account
    discarded: int = 0
    successes: list[Affected] = field(default_factory=list)  # of which the sender wants to be told


async def sort(tx: Tx, incoming: Incoming, chance: Chance, now: int) -> Sorted:
    """Take responsibility for `incoming`. Raises Refused: UNAVAILABLE when a recipient has ceased to exist since RCPT,
    OVER_QUOTA when one has become full.

    A message with the null reverse-path is never refused here, since nobody could be told: what cannot be delivered is
    discarded and accounted for.
    """
    await _open(tx, incoming, now)
    sorting = _Sorting(content_id=chance.id(now))
    await mailbox.store(tx, incoming.prepared, sorting.content_id, now)
    for recipient in incoming.recipients:
        await _sort(tx, incoming, recipient, sorting, chance, now)
    submitter, claimed = 0, []
    if waiting := [*sorting.remote.values(), *sorting.held.values()]:
        submitter = await _submitter(tx, incoming)
        message = _queued(incoming, sorting.content_id, submitter, now)
        claimed = await queue.enqueue(tx, message, waiting, now, incoming.lease)
    elif not sorting.accounts:
        await mailbox.orphan(tx, sorting.content_id, now)
    accepted = Accepted(
        frozenset(sorting.accounts), len(waiting), sorting.discarded, submitter, tuple(claimed)
    )
    return Sorted(accepted, sorting.content_id, sorting.successes)


async def _open(tx: Tx, incoming: Incoming, now: int) -> None:
    summary = incoming.prepared.summary
    await ledger.open_message(
        tx,
        id=incoming.id,
        at=now,
        protocol=incoming.protocol,
        source=incoming.source,
        account=incoming.account.address if incoming.account else "",
        sender=incoming.sender.folded if incoming.sender else "",
        message_id=summary.message_id,
        subject=summary.subject,
        size=summary.size,
    )


async def _sort(
    tx: Tx, incoming: Incoming, to: Recipient, sorting: _Sorting, chance: Chance, now: int
) -> None:
    address, wishes = to.address, to.wishes

    async def note(event: Event, recipient: str, host: str = "", detail: str = "", targets: int = 1) -> None:
        await ledger.record(
            tx,
            incoming.id,
            id=chance.id(now),
            at=now,
            recipient=recipient,
            event=event,
            host=host,
            detail=detail,
            targets=targets,
        )

    await note(Event.ACCEPTED, address.folded)
    match await _resolved(tx, incoming, address):
        case NoSuchUser():
            await note(Event.DISCARDED, address.folded, detail=NOBODY)
            sorting.discarded += 1
            return
        case NotLocal():
            targets: tuple[Target, ...] = (RemoteTarget(address),)
        case Resolved(recipients=targets, alias=alias):
            if alias:
                goes_to = " ".join(_name(target) for target in targets)
                await note(Event.EXPANDED, address.folded, detail=goes_to, targets=len(targets))
            if len(targets) > 1:
                _succeeded(sorting, to, Action.EXPANDED, now)
                wishes = wishes.of_a_group
    for target in targets:
        if isinstance(target, LocalTarget) and incoming.is_held(now):
            if known := sorting.held.get(target.account.id):
                sorting.held[target.account.id] = replace(known, wishes=known.wishes.and_those(wishes))
                await note(Event.DISCARDED, _name(target), detail=DUPLICATE)
                continue
            sorting.held[target.account.id] = queue.NewRecipient(
                id=chance.id(now),
                address=target.address,
                original=str(address),
                destination=target.account.domain,
                wishes=wishes,
                local=True,
            )
        elif isinstance(target, LocalTarget):
            detail = await _file(tx, incoming, target, sorting, now)
            await note(Event.DELIVERED, _name(target), detail=detail)
            if wishes is to.wishes:
                _succeeded(sorting, to, Action.DELIVERED, now)
        elif known := sorting.remote.get(target.address.folded):
            sorting.remote[target.address.folded] = replace(known, wishes=known.wishes.and_those(wishes))
            await note(Event.DISCARDED, target.address.folded, detail=DUPLICATE)
        else:
            sorting.remote[target.address.folded] = queue.NewRecipient(
                id=chance.id(now),
                address=str(target.address),
                original=str(address),
                destination=target.address.host,
                wishes=wishes,
            )


def _succeeded(sorting: _Sorting, to: Recipient, action: Action, now: int) -> None:
    """The address is told of as the sender knows it: where an alias leads is not his business (RFC 3461 §5.2.7.4)."""
    if to.wishes.wants(Notify.SUCCESS):
        original = original_recipient(to.wishes.original)
        status = Status(250, "2.1.5", "Ok")
        sorting.successes.append(Affected(to.address, "", status, "", now, original, action))


async def _resolved(tx: Tx, incoming: Incoming, address: Address) -> Resolution:
    """NoSuchUser only where nobody can be told. Raises Refused."""
    try:
        resolution = await resolve(tx, address)
    except Refused as refused:
        # An alias that leads too far: a notice to it must not keep what it is about in the queue for ever.
        if incoming.sender is not None or refused.kind is not Kind.TOO_MANY:
            raise
        return NoSuchUser()
    if isinstance(resolution, NoSuchUser) and incoming.sender is not None:
        raise Refused(Kind.UNAVAILABLE, f"{address.folded} has ceased to exist")
    return resolution


async def _file(tx: Tx, incoming: Incoming, target: LocalTarget, sorting: _Sorting, now: int) -> str:
    """Put the message into the target's inbox, once however often he is addressed; where that was."""
    account_id = target.account.id
    if account_id in sorting.accounts:
        return "INBOX, by another of the addresses"
    inbox = await mailbox.inbox(tx, account_id)
    if inbox is None:
        raise Refused(Kind.UNAVAILABLE, f"account {account_id} has no inbox")
    size = incoming.prepared.size
    if not incoming.prepared.summary.envelope:
        await mailbox.complete(tx, sorting.content_id)
    # RCPT has let nobody in who was full, so few are refused here, with all others of this message; they are sorted out at
    # RCPT when it comes again. A notice is let in: there is nobody else to tell.
    room = Room.ANY if incoming.sender is None else Room.BEGUN
    appended = await mailbox.append(
        tx,
        inbox.id,
        content_id=sorting.content_id,
        size=size,
        flags=Flags(),
        received=now,
        now=now,
        room=room,
    )
    sorting.accounts.add(account_id)
    return f"INBOX uid {appended.uid}"


def _name(target: Target) -> str:
    """In comparison form, as the ledger has it."""
    address = Address.parse(target.address) if isinstance(target, LocalTarget) else target.address
    return address.folded


async def _submitter(tx: Tx, incoming: Incoming) -> int:
    if incoming.account:
        return incoming.account.id
    account = await get_account(tx, incoming.submitter) if incoming.submitter else None
    return account.id if account else 0


def _queued(incoming: Incoming, content_id: int, submitter: int, now: int) -> queue.QueuedMessage:
    return queue.QueuedMessage(
        id=incoming.id,
        sender=str(incoming.sender) if incoming.sender else "",
        content_id=content_id,
        skip=incoming.return_path_size,
        size=incoming.prepared.summary.size - incoming.return_path_size,
        body=incoming.body,
        utf8=incoming.utf8,
        account_id=submitter,
        created=now,
        expires=incoming.queue.expires,
        warn_at=incoming.queue.warn_at,
        ret=incoming.ret,
        envelope_id=incoming.envelope_id,
        terms=incoming.terms,
    )
