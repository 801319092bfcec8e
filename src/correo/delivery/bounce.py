"""What cannot be delivered goes back: a notice to the sender, which is a new message and is accepted like any other.

In the transaction that takes the recipient out of the queue, so that there is no moment at which neither is there. So are the
notices of delay, and of success where the sender asked for them (RFC 3461).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from correo import mailbox
from correo.clock import Chance
from correo.delivery.sorting import Accepted, Incoming, QueueTimes, Recipient, Sorted, sort
from correo.ledger import show_id
from correo.mail.address import Address
from correo.mail.dsn import MAX_CONTENT, Affected, Notice, Original, delayed, failed, succeeded
from correo.mail.envelope import EIGHT_BIT, SEVEN_BIT
from correo.mail.errors import Refused
from correo.mail.protection import Protection
from correo.mail.terms import PLAIN, Terms
from correo.queue import QueuedMessage
from correo.storage.db import Tx
from correo.wire.smtp.dsn import FULL
from correo.wire.smtp.syntax import decode_xtext

NO_SENDER = "null-sender"  # the rule under which a failure that nobody can be told of is discarded

_RETURN_PATH = b"Return-Path: <>\r\n"


@dataclass(frozen=True, slots=True)
class Returned:
    """The notice was accepted as message `id`; publish `accepted` after the commit."""

    id: int
    accepted: Accepted


async def bounce(
    tx: Tx,
    message: QueuedMessage,
    failures: Sequence[Affected],
    *,
    hostname: str,
    lifetime: int,
    chance: Chance,
    now: int,
) -> Returned | None:
    """Tell the sender of `message` that it will not be delivered to those in `failures`, all in one notice.

    `lifetime`: microseconds the notice itself may wait for another server. None, and nothing is done, where the sender is the
    null reverse-path: a notice about a notice would never end (RFC 5321 §6.1). The caller then records it as discarded by
    the rule NO_SENDER. Raises what `accept` raises.
    """
    if not message.sender or not failures:
        return None
    id = chance.id(now)
    # RFC 8689 §5: where TLS was required, no notice brings back more than the header.
    full = message.ret == FULL and message.terms.protection is not Protection.REQUIRED
    original = await _original(tx, message, full=full)
    notice = failed(original, failures, hostname=hostname, id=show_id(id), now=now)
    return await _send(tx, id, original.sender, notice, message.terms, lifetime, chance, now)


async def refused(
    tx: Tx,
    original: Original,
    failures: Sequence[Affected],
    *,
    hostname: str,
    lifetime: int,
    chance: Chance,
    now: int,
) -> Returned:
    """Tell the sender of a message that was never accepted that nobody gets it. As `bounce` in all else."""
    id = chance.id(now)
    notice = failed(original, failures, hostname=hostname, id=show_id(id), now=now)
    return await _send(tx, id, original.sender, notice, PLAIN, lifetime, chance, now)


async def warn(
    tx: Tx,
    message: QueuedMessage,
    waiting: Sequence[Affected],
    *,
    retry_until: int,
    hostname: str,
    lifetime: int,
    chance: Chance,
    now: int,
) -> Returned | None:
    """Tell the sender of `message` that it still waits for those in `waiting`, until when. As `bounce` in all else."""
    if not message.sender:
        return None
    id = chance.id(now)
    original = await _original(tx, message)
    notice = delayed(original, waiting, hostname=hostname, id=show_id(id), now=now, retry_until=retry_until)
    return await _send(tx, id, original.sender, notice, message.terms, lifetime, chance, now)


async def relayed(
    tx: Tx,
    message: QueuedMessage,
    successes: Sequence[Affected],
    *,
    hostname: str,
    lifetime: int,
    chance: Chance,
    now: int,
) -> Returned | None:
    """Tell the sender of `message` that servers took it which will not tell him more (RFC 3461 §5.2.2 b). As `bounce` in all else."""
    if not message.sender:
        return None
    id = chance.id(now)
    original = await _original(tx, message)
    notice = succeeded(original, successes, hostname=hostname, id=show_id(id), now=now)
    return await _send(tx, id, original.sender, notice, message.terms, lifetime, chance, now)


async def delivered(
    tx: Tx, incoming: Incoming, sender: Address, done: Sorted, chance: Chance, now: int
) -> Returned:
    """Tell the sender of a message that is being accepted that it has arrived (RFC 3461 §5.2.3 a). Raises what `sort` raises."""
    id = chance.id(now)
    summary = incoming.prepared.summary
    header = await mailbox.header(tx, done.content_id)
    original = Original(
        sender,
        now,
        summary.message_id,
        summary.subject,
        header[incoming.return_path_size :],
        decode_xtext(incoming.envelope_id) or "",
    )
    notice = succeeded(original, done.successes, hostname=incoming.hostname, id=show_id(id), now=now)
    lifetime = incoming.queue.expires - max(now, incoming.terms.hold_until)
    return await _send(tx, id, sender, notice, incoming.terms, lifetime, chance, now)


async def _original(tx: Tx, message: QueuedMessage, *, full: bool = False) -> Original:
    """What the notice says about the message; content that cannot be read any more is no reason to say nothing.

    `full`: all of it, where it is not too long (RFC 3461 §6.2).
    """
    header, subject, message_id, octets = b"", "", "", b""
    try:
        content = await mailbox.content(tx, message.content_id)
        subject, message_id = content.subject, content.message_id
        header = (await mailbox.header(tx, message.content_id))[message.skip :]
        if full and message.size <= MAX_CONTENT:
            octets = (await mailbox.raw(tx, message.content_id))[message.skip :]
    except Refused:
        pass
    envelope_id = decode_xtext(message.envelope_id) or ""
    sender = Address.parse(message.sender)
    deliver_by = message.terms.deliver_by
    return Original(sender, message.created, message_id, subject, header, envelope_id, octets, deliver_by)


async def _send(
    tx: Tx, id: int, sender: Address, notice: Notice, terms: Terms, lifetime: int, chance: Chance, now: int
) -> Returned:
    """`terms` are those of the message that the notice is about."""
    # RFC 8689 §5: what tells of a message is protected as that was; its own header does not say that less will do.
    required = terms.protection is Protection.REQUIRED
    incoming = Incoming(
        id=id,
        sender=None,
        recipients=(Recipient(sender),),
        prepared=mailbox.prepare(_RETURN_PATH + notice.octets),
        return_path_size=len(_RETURN_PATH),
        body=EIGHT_BIT if notice.eight_bit else SEVEN_BIT,
        utf8=notice.utf8,
        protocol="bounce",
        source="",
        account=None,
        queue=QueueTimes(expires=now + lifetime, warn_at=0),
        terms=Terms(protection=Protection.REQUIRED) if required else PLAIN,
    )
    return Returned(id, (await sort(tx, incoming, chance, now)).accepted)
