"""A message that came to its final dot: faults, checks, what is written in front of it, and the one transaction."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import structlog

from correo import accounts
from correo.accounts import SendLimits
from correo.clock import Chance
from correo.delivery import Accepted, Incoming, QueueTimes, Recipient, accept, publish
from correo.ledger import show_id
from correo.mail.envelope import BINARY, EIGHT_BIT, SEVEN_BIT, Envelope
from correo.mail.errors import Kind, Refused
from correo.mail.instant import rfc5322_date
from correo.mail.message.binary import as_lines
from correo.mail.protection import Protection
from correo.mail.status import Status
from correo.mail.terms import Terms
from correo.mail.wishes import NONE
from correo.mailbox import Prepared, prepare
from correo.receive import checks
from correo.receive.checks.rate import TOO_MUCH
from correo.receive.checks.row import MessageFacts
from correo.receive.conversation import Conversation, Transaction
from correo.receive.fields import take_header, without
from correo.receive.options import Profile
from correo.receive.replies import FAULTS, HEADER_TOO_BIG, NO_LINES, STARVED, STATUSES, TOO_LATE, full
from correo.receive.terms import PRIORITY_FIELD, trusts_priority, tunnelled
from correo.receive.trace import received, return_path
from correo.storage.db import Tx
from correo.wire.smtp.answer import Reply
from correo.wire.smtp.data import Fault
from correo.wire.smtp.server import EndOfData

log = structlog.get_logger("smtp")

INLINE = (
    256 * 1024
)  # octets: up to here, hashing and compressing costs less than the way to a thread and back

# Octets: longer messages are always prepared for readers. Should somebody want to read it after all, an Outbox say, the rest is
# made up for in a transaction, of many messages at once.
PASSING = 32 * 1024

NEWLINES = Fault.BARE_LF | Fault.BARE_CR

# RFC 5321 §4.4: the Return-Path is ours to write. RFC 5322 §3.6.3: those in Bcc are not to be seen by the others.
_REMOVED = {profile: frozenset({b"return-path"}) for profile in Profile} | {
    Profile.SUBMISSION: frozenset({b"return-path", b"bcc", b"resent-bcc"})
}


async def finish(talk: Conversation, end: EndOfData) -> tuple[Reply, ...]:
    """Take or refuse the message; the transaction is over. LMTP: one reply for each RCPT that was taken (RFC 2033 §4.2)."""
    transaction = talk.open
    try:
        status = await _take(talk, transaction, end)
    except Refused as refused:
        address = talk.peer.address
        log.error("not taken", kind=refused.kind.name, detail=refused.detail, address=address)
        status = STATUSES[refused.kind]
        if refused.kind is Kind.OVER_QUOTA:
            status = full(talk.limits.reject_over_quota)
    finally:
        talk.reset()
    copies = len(transaction.recipients) if talk.profile is Profile.LMTP else 1
    return (Reply.of(status),) * copies


async def _take(talk: Conversation, transaction: Transaction, end: EndOfData) -> Status:
    binary = transaction.body == BINARY
    mending = talk.options.mend_newlines and bool(end.faults & NEWLINES) and not binary
    for fault, refusal in FAULTS.items():
        if fault in end.faults and (
            fault is Fault.TOO_BIG or not (binary or (mending and fault in NEWLINES))
        ):
            return refusal
    if transaction.starved:
        return STARVED
    transaction.gather()
    if mending:
        await _mend(transaction)
    if binary and not await _as_lines(transaction):
        return NO_LINES
    header = take_header(transaction.chunks, talk.limits.header_size)
    if header is None:
        return HEADER_TOO_BIG
    facts = MessageFacts(header)
    if refused := await checks.first_refusal(checks.AT_END, talk, facts):
        return refused
    return await _accept(talk, transaction, facts)


async def _mend(transaction: Transaction) -> None:
    """Its true end has been found without them: what stands alone is a line end of the text, and of that alone."""
    raw = b"".join(transaction.chunks)
    mended = whole_newlines(raw) if len(raw) <= INLINE else await asyncio.to_thread(whole_newlines, raw)
    transaction.chunks[:] = [mended]


def whole_newlines(raw: bytes) -> bytes:
    """CR LF for each of CR LF, CR and LF. In few passes, whatever `raw` is made of."""
    return raw.replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\n", b"\r\n")


async def _as_lines(transaction: Transaction) -> bool:
    """A binary message as every reader and every next server can take it (RFC 3030 §3); whether that can be done."""
    raw = b"".join(transaction.chunks)
    lines = as_lines(raw) if len(raw) <= INLINE else await asyncio.to_thread(as_lines, raw)
    if lines is not None:
        transaction.chunks[:] = [lines]
        transaction.body = SEVEN_BIT if lines.isascii() else EIGHT_BIT
    return lines is not None


async def accept_counted(
    tx: Tx, incoming: Incoming, limits: SendLimits, chance: Chance, now: int
) -> Accepted | None:
    """`accept`, and what an account submits is counted; None where that is too much."""
    account = incoming.account
    if account and not await accounts.count_sent(tx, account.id, len(incoming.recipients), limits, now):
        return None
    return await accept(tx, incoming, chance, now)


async def _accept(talk: Conversation, transaction: Transaction, facts: MessageFacts) -> Status:
    services = talk.services
    now = services.clock.now()
    if transaction.terms.too_late(now):  # RFC 2852 §4.1
        return TOO_LATE
    number = services.chance.id(now)
    queue_id = show_id(number)
    if not transaction.terms.priority and (priority := tunnelled(talk, facts.fields)):
        transaction.terms = replace(transaction.terms, priority=priority)
    if transaction.terms.protection is Protection.USUAL and _may_go_in_clear(facts):
        transaction.terms = replace(transaction.terms, protection=Protection.OPTIONAL)
    envelope = transaction.envelope
    path = return_path(envelope.sender)
    header = (received(talk, envelope, queue_id, now), *_header(talk, transaction, facts, queue_id, now))
    # Some clients ask for SMTPUTF8 with every message; what is ASCII must still reach servers that do not have it.
    utf8 = envelope.utf8 and not all(piece.isascii() for piece in header)
    eight_bit = envelope.body == EIGHT_BIT or not all(chunk.isascii() for chunk in transaction.chunks)
    raw = b"".join((path, *header, *transaction.chunks))
    transaction.chunks.clear()  # a large message should not be here twice while it is worked on
    passing = transaction.passing and len(raw) <= PASSING
    prepared = prepare(raw, passing=passing) if len(raw) <= INLINE else await asyncio.to_thread(prepare, raw)
    incoming = Incoming(
        id=number,
        sender=envelope.sender,
        recipients=tuple(
            Recipient(address, envelope.wishes.get(address.folded, NONE)) for address in envelope.recipients
        ),
        prepared=prepared,
        return_path_size=len(path),
        body=EIGHT_BIT if eight_bit or not facts.header.isascii() else envelope.body,
        utf8=utf8,
        protocol=talk.profile.value,
        source=f"unix:{talk.user}" if talk.user else talk.peer.address,
        account=talk.account,
        submitter=_submitter(talk, envelope),
        queue=_times(talk, envelope.terms, now),
        hostname=talk.options.hostname,
        ret=envelope.ret,
        envelope_id=envelope.envelope_id,
        terms=envelope.terms,
    )
    with services.outlet.offer(_destinations(talk, envelope), len(raw)) as offer:
        if offer:
            incoming = replace(incoming, lease=offer.lease)
        accepted = await _committed(talk, incoming, now)
        if accepted is None:
            return TOO_MUCH.status
        if offer:
            offer.fill(accepted.claimed, raw)
    publish(services.bus, accepted)
    _log(talk, envelope, queue_id, prepared)
    return Status(250, "2.0.0", f"Ok: queued as {queue_id}")


async def _committed(talk: Conversation, incoming: Incoming, now: int) -> Accepted | None:
    """None where that is too much from one account, or from one network."""
    services, limits = talk.services, talk.limits
    count, network = len(incoming.recipients), talk.answerable
    counted = talk.profile is Profile.SUBMISSION
    if counted and not services.rates.reserve(network, limits.network_sending, count, now):
        return None
    accepted = None
    try:
        accepted = await services.db.write(accept_counted, incoming, limits.sending, services.chance, now)
    finally:
        if counted and accepted is None:
            services.rates.give_back(network, count, now)
    return accepted


def _destinations(talk: Conversation, envelope: Envelope) -> set[str]:
    """To where it may go on at once. From other servers comes what stays here, but for what an alias leads elsewhere."""
    if talk.profile is not Profile.SUBMISSION:
        return set()
    return {address.host for address in envelope.recipients}


def _submitter(talk: Conversation, envelope: Envelope) -> str:
    """Whose name somebody has here who is known without having logged in."""
    local = talk.options.local
    if talk.account or not talk.user or local is None or envelope.sender is None:
        return ""
    return local.own(talk.user, envelope.sender)


def _header(
    talk: Conversation, transaction: Transaction, facts: MessageFacts, queue_id: str, now: int
) -> list[bytes]:
    """The header as it is kept: without what is not for others, with what RFC 6409 §8 lets us add."""
    header = facts.header
    removed = _REMOVED[talk.profile]
    if trusts_priority(talk):
        removed |= {PRIORITY_FIELD}
    if any(b"\n%b" % name in facts.folded for name in removed):
        header = without(header, removed)
    added: list[bytes] = []
    if priority := transaction.terms.priority:
        # For the servers beyond those that know of it (RFC 6758 §3.3).
        added.append(b"MT-Priority: %d\r\n" % priority)
    if talk.profile is Profile.SUBMISSION:
        if facts.fields.first(b"date") is None:
            added.append(f"Date: {rfc5322_date(now)}\r\n".encode())
        if facts.fields.first(b"message-id") is None:
            added.append(f"Message-ID: <{queue_id}@{talk.options.hostname}>\r\n".encode())
    # A message without a header must not have its text taken for one, behind ours.
    return [*added, header or b"\r\n"]


def _may_go_in_clear(facts: MessageFacts) -> bool:
    """Whether it says `TLS-Required: No` (RFC 8689 §3)."""
    if b"\ntls-required" not in facts.folded:
        return False
    return (facts.fields.first(b"tls-required") or b"").strip().lower() == b"no"


def _times(talk: Conversation, terms: Terms, now: int) -> QueueTimes:
    """From when nobody holds it any more (RFC 4865 §4); a time for notice that the sender has set comes instead (RFC 2852 §4)."""
    options, begin = talk.options, max(now, terms.hold_until)
    warn_at = begin + options.warn_after if options.warn_after else 0
    if terms.deliver_by and not terms.by_return:
        warn_at = terms.deliver_by
    return QueueTimes(begin + options.expire, warn_at)


def _log(talk: Conversation, envelope: Envelope, queue_id: str, prepared: Prepared) -> None:
    log.info(
        "accepted",
        id=queue_id,
        protocol=talk.profile.value,
        address=talk.peer.address,
        account=talk.account.address if talk.account else "",
        user=talk.user,
        tls=str(talk.tls or ""),
        certificate=" ".join(talk.tls.certificate) if talk.tls else "",
        sender=envelope.sender.folded if envelope.sender else "",
        recipients=len(envelope.recipients),
        size=prepared.summary.size,
        message_id=prepared.summary.message_id,
    )
