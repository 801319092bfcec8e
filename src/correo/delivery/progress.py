"""How a message that waits stands, as header fields in front of it: what its sender reads in his Outbox. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from correo.ledger import show_id
from correo.mail.instant import rfc5322_date
from correo.mail.message import encode_words
from correo.queue import QueuedRecipient, State

MAX_TOLD = 20  # recipients that are told of one by one; of a mailing to thousands nobody reads more
MAX_REPLY = 300  # characters of another server's answer: the words that matter come first
MAX_ADDRESS = 320  # characters of an address (RFC 5321 §4.5.3.1)

_RECEIVED = b"received:"
_CONTROL = re.compile(r"[\x00-\x20\x7f-\x9f]+")


def progress(message_id: int, recipients: Sequence[QueuedRecipient], count: int) -> bytes:
    """The fields for a message of which `count` recipients wait; `recipients` are the first of them, up to MAX_TOLD."""
    lines = [_field("X-Correo-Queue-Id", show_id(message_id))]
    for one in recipients[:MAX_TOLD]:
        # Of an account here he knows the address that he wrote alone (RFC 3461 §5.2.7.4).
        address = (one.original if one.local else one.address)[:MAX_ADDRESS]
        lines.append(_field("X-Correo-Recipient", address, *_state(one)))
        if one.status is not None:
            host = f" ({one.host})" if one.host else ""
            lines.append(_field("X-Correo-Last-Reply", address, f"{str(one.status)[:MAX_REPLY]}{host}"))
    if count > len(recipients[:MAX_TOLD]):
        lines.append(_field("X-Correo-More-Recipients", f"and {count - len(recipients[:MAX_TOLD])} more"))
    return "".join(lines).encode("ascii")


def _state(one: QueuedRecipient) -> tuple[str, ...]:
    tried = f"attempts {one.attempts}"
    if one.state is State.HELD:
        return "held", tried
    # What is being tried waits as well: an attempt takes moments, and would make two messages of this one.
    return "waiting", tried, f"next attempt {rfc5322_date(one.next_try)}"


def _field(name: str, *values: str) -> str:
    """One field in ASCII: strangers wrote what stands in it. Each value by itself, so that what needs no encoding stays legible."""
    written = f"{name}: "
    for value in values:
        written += encode_words(_CONTROL.sub(" ", value).strip(), len(written)) + "; "
    return written.removesuffix("; ") + "\r\n"


def submitted(header: bytes, skip: int) -> bytes:
    """The header as it was submitted: without the Return-Path, which is `skip` octets, and without our own Received field."""
    header = header[skip:]
    if header[: len(_RECEIVED)].lower() != _RECEIVED:
        return header
    at = header.find(b"\n") + 1
    while at and header[at : at + 1] in (b" ", b"\t"):
        at = header.find(b"\n", at) + 1
    return header[at:] if at else header
