"""PLAIN (RFC 4616): identity, name and password in one message."""

from __future__ import annotations

from correo.wire.sasl.steps import (
    Challenge,
    Channel,
    CheckPassword,
    Exchange,
    Malformed,
    Mechanism,
    Opening,
    decode,
)


def _start(opening: Opening) -> Exchange:
    initial = opening.initial
    message: bytes = initial if initial is not None else (yield Challenge(b""))
    text = decode(message)
    if text is None:
        return Malformed("the message is too long or not UTF-8")
    # RFC 4616 §2: message = [authzid] UTF8NUL authcid UTF8NUL passwd
    parts = text.split("\0")
    if len(parts) != 3 or not parts[1] or not parts[2]:
        return Malformed("the message is not authzid NUL authcid NUL passwd")
    authzid, login, password = parts
    return CheckPassword(login, authzid, password)


def _private(channel: Channel) -> bool:
    return channel.passwords  # RFC 4616 §1


ROW = Mechanism("PLAIN", "RFC 4616", _private, _start, password=True)
