"""ENVELOPE (RFC 3501 §7.4.2, RFC 9051 §7.5.2) in wire form, made of a header."""

from __future__ import annotations

import re

from correo.mail.message.addresses import Mailbox, parse_addresses
from correo.mail.message.headers import Header
from correo.mail.message.quoting import MAX_QUOTED, nstring

# Nothing that is found in such a field has to be escaped: quotes come off but in comments and literals, and there are no backslashes.
_PLAIN = re.compile(rb"[ -')-Z\]-~]{0,%d}" % MAX_QUOTED)


def envelope(header: Header) -> bytes:
    """The parenthesized list. Values are unfolded and otherwise as they came; encoded-words are the client's business.

    Sender and Reply-To take the value of From where they are absent or name nobody.
    """
    first = header.first
    sender = _addresses(first(b"from"))
    return b"(%b %b %b %b %b %b %b %b %b %b)" % (
        nstring(first(b"date")),
        nstring(first(b"subject")),
        sender or b"NIL",
        _addresses(first(b"sender")) or sender or b"NIL",
        _addresses(first(b"reply-to")) or sender or b"NIL",
        _addresses(header.joined(b"to")) or b"NIL",
        _addresses(header.joined(b"cc")) or b"NIL",
        _addresses(header.joined(b"bcc")) or b"NIL",
        nstring(first(b"in-reply-to")),
        nstring(first(b"message-id")),
    )


def _addresses(value: bytes | None) -> bytes:
    """The addresses in parentheses; b"" where there are none."""
    found = parse_addresses(value) if value else []
    if not found or not value:
        return b""
    told = _tell_plain if _PLAIN.fullmatch(value) else _tell
    return b"(" + b"".join(map(told, found)) + b")"


def _tell(mailbox: Mailbox) -> bytes:
    return b"(%b %b %b %b)" % tuple(map(nstring, mailbox))


def _tell_plain(mailbox: Mailbox) -> bytes:
    """The same for an address of which no string needs a look."""
    name, route, local, host = mailbox
    if route is not None or local is None or host is None:
        return _tell(mailbox)
    return b'("%b" NIL "%b" "%b")' % (name, local, host) if name else b'(NIL NIL "%b" "%b")' % (local, host)
