"""What we write in front of a message: Return-Path, Received, and what a mail program left out (RFC 5321 §4.4, RFC 6409 §8)."""

from __future__ import annotations

import re

from correo.mail.address import Address
from correo.mail.envelope import Envelope
from correo.mail.instant import rfc5322_date
from correo.net import Peer
from correo.receive.conversation import Conversation
from correo.receive.options import Profile
from correo.wire.smtp.xclient import UNKNOWN

# The name a client gives itself is its own word; nothing in it may look like a part of the field.
_DOUBTFUL = re.compile(r"[^A-Za-z0-9._:\[\]-]")


def return_path(sender: Address | None) -> bytes:
    return f"Return-Path: <{sender or ''}>\r\n".encode()


def received(talk: Conversation, envelope: Envelope, queue_id: str, now: int) -> bytes:
    """One Received field. A recipient is named only where there is one: the others are nobody's business."""
    # RFC 8314 §4.3; as a clause that was registered later it comes behind the others (RFC 5321 §4.4).
    encrypted = f"\r\n\ttls {talk.tls.cipher} ({talk.tls.version})" if talk.tls else ""
    only = f"\r\n\tfor <{envelope.recipients[0].in_a_labels}>" if len(envelope.recipients) == 1 else ""
    # RFC 6710 §4.4
    urgent = f"\r\n\tpriority {envelope.terms.priority}" if envelope.terms.priority else ""
    return (
        f"Received: from {_DOUBTFUL.sub('?', talk.helo)} {_whence(talk)}\r\n"
        f"\tby {talk.options.hostname} (Correo) with {with_protocol(talk, envelope.utf8)} id {queue_id}"
        f"{only}{encrypted}{urgent};\r\n"
        f"\t{rfc5322_date(now)}\r\n"
    ).encode()


def with_protocol(talk: Conversation, utf8: bool) -> str:
    """The registered name of how it came (RFC 3848, RFC 6531 §4.3)."""
    name = "LMTP" if talk.profile is Profile.LMTP else "SMTP" if utf8 or not talk.extended else "ESMTP"
    return f"{'UTF8' if utf8 else ''}{name}{'S' if talk.tls else ''}{'A' if talk.account else ''}"


def _whence(talk: Conversation) -> str:
    if talk.user:
        return f"(local user {_DOUBTFUL.sub('?', talk.user)})"
    return _literal(talk.peer)


def _literal(peer: Peer) -> str:
    if peer.address == "unix":
        return "(local socket)"
    if peer.address == UNKNOWN:
        return "(unknown address)"
    return f"([IPv6:{peer.address}])" if ":" in peer.address else f"([{peer.address}])"
