"""A message that came to its final dot: faults, checks, what is written in front of it, and the one transaction."""

from __future__ import annotations

import asyncio

import structlog

from correo.delivery import Incoming, QueueTimes, Recipient, accept, publish
from correo.ledger import show_id
from correo.mail.envelope import BINARY, EIGHT_BIT, SEVEN_BIT, Envelope
from correo.mail.errors import Refused
from correo.mail.instant import rfc5322_date
from correo.mail.message.binary import as_lines
from correo.mail.status import Status
from correo.mail.wishes import NONE
from correo.mailbox import Prepared, prepare
from correo.receive import checks
from correo.receive.checks.row import MessageFacts
from correo.receive.conversation import Conversation, Transaction
from correo.receive.fields import take_header, without
from correo.receive.options import Profile
from correo.receive.replies import FAULTS, HEADER_TOO_BIG, NO_LINES, STARVED, STATUSES
from correo.receive.trace import received, return_path
from correo.wire.smtp.answer import Reply
from correo.wire.smtp.data import Fault
from correo.wire.smtp.server import EndOfData

log = structlog.get_logger("smtp")

INLINE = (
    256 * 1024
)  # octets: up to here, hashing and compressing costs less than the way to a thread and back

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
    finally:
        talk.reset()
    copies = len(transaction.recipients) if talk.profile is Profile.LMTP else 1
    return (Reply.of(status),) * copies


async def _take(talk: Conversation, transaction: Transaction, end: EndOfData) -> Status:
    binary = transaction.body == BINARY
    for fault, refusal in FAULTS.items():
        if fault in end.faults and (fault is Fault.TOO_BIG or not binary):
            return refusal
    if transaction.starved:
        return STARVED
    transaction.gather()
    if binary and not await _as_lines(transaction):
        return NO_LINES
    header = take_header(transaction.chunks, talk.limits.header_size)
    if header is None:
        return HEADER_TOO_BIG
    facts = MessageFacts(header)
    if refused := await checks.first_refusal(checks.AT_END, talk, facts):
        return refused
    return await _accept(talk, transaction, facts)


async def _as_lines(transaction: Transaction) -> bool:
    """A binary message as every reader and every next server can take it (RFC 3030 §3); whether that can be done."""
    raw = b"".join(transaction.chunks)
    lines = as_lines(raw) if len(raw) <= INLINE else await asyncio.to_thread(as_lines, raw)
    if lines is not None:
        transaction.chunks[:] = [lines]
        transaction.body = SEVEN_BIT if lines.isascii() else EIGHT_BIT
    return lines is not None


async def _accept(talk: Conversation, transaction: Transaction, facts: MessageFacts) -> Status:
    services = talk.services
    now = services.clock.now()
    number = services.chance.id(now)
    queue_id = show_id(number)
    envelope = transaction.envelope
    path = return_path(envelope.sender)
    header = (received(talk, envelope, queue_id, now), *_header(talk, facts, queue_id, now))
    # Some clients ask for SMTPUTF8 with every message; what is ASCII must still reach servers that do not have it.
    utf8 = envelope.utf8 and not all(piece.isascii() for piece in header)
    eight_bit = envelope.body == EIGHT_BIT or not all(chunk.isascii() for chunk in transaction.chunks)
    raw = b"".join((path, *header, *transaction.chunks))
    transaction.chunks.clear()  # a large message should not be here twice while it is worked on
    prepared = prepare(raw) if len(raw) <= INLINE else await asyncio.to_thread(prepare, raw)
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
        source=talk.peer.address,
        account=talk.account,
        queue=_times(talk, now),
        hostname=talk.options.hostname,
        ret=envelope.ret,
        envelope_id=envelope.envelope_id,
    )
    accepted = await services.db.write(accept, incoming, services.chance, now)
    publish(services.bus, accepted)
    _log(talk, envelope, queue_id, prepared)
    return Status(250, "2.0.0", f"Ok: queued as {queue_id}")


def _header(talk: Conversation, facts: MessageFacts, queue_id: str, now: int) -> list[bytes]:
    """The header as it is kept: without what is not for others, with what RFC 6409 §8 lets us add."""
    header = facts.header
    removed = _REMOVED[talk.profile]
    if any(b"\n%b" % name in facts.folded for name in removed):
        header = without(header, removed)
    added: list[bytes] = []
    if talk.profile is Profile.SUBMISSION:
        if facts.fields.first(b"date") is None:
            added.append(f"Date: {rfc5322_date(now)}\r\n".encode())
        if facts.fields.first(b"message-id") is None:
            added.append(f"Message-ID: <{queue_id}@{talk.options.hostname}>\r\n".encode())
    # A message without a header must not have its text taken for one, behind ours.
    return [*added, header or b"\r\n"]


def _times(talk: Conversation, now: int) -> QueueTimes:
    options = talk.options
    return QueueTimes(now + options.expire, now + options.warn_after if options.warn_after else 0)


def _log(talk: Conversation, envelope: Envelope, queue_id: str, prepared: Prepared) -> None:
    log.info(
        "accepted",
        id=queue_id,
        protocol=talk.profile.value,
        address=talk.peer.address,
        account=talk.account.address if talk.account else "",
        sender=envelope.sender.folded if envelope.sender else "",
        recipients=len(envelope.recipients),
        size=prepared.summary.size,
        message_id=prepared.summary.message_id,
    )
