"""PLAIN (RFC 4616): identity, name and password in one message."""

from __future__ import annotations

from correo.wire.sasl.steps import Challenge, CheckPassword, Exchange, Malformed, Mechanism, decode


def start(initial: bytes | None, nonce: str) -> Exchange:
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


ROW = Mechanism("PLAIN", plaintext=True, source="RFC 4616", start=start)
