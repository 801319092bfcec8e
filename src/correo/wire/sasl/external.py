"""EXTERNAL (RFC 4422 appendix A): the client has shown who it is already, by a certificate in the TLS handshake."""

from __future__ import annotations

from correo.wire.sasl.steps import (
    Challenge,
    Channel,
    Exchange,
    Malformed,
    Mechanism,
    Opening,
    Vouched,
    decode,
)


def _start(opening: Opening) -> Exchange:
    initial = opening.initial
    message: bytes = initial if initial is not None else (yield Challenge(b""))
    authzid = decode(message)
    if authzid is None or "\0" in authzid:
        return Malformed("the identity is too long or not text")
    return Vouched(opening.channel.certificate, authzid)


def _shown(channel: Channel) -> bool:
    return bool(channel.certificate)


ROW = Mechanism("EXTERNAL", "RFC 4422", _shown, _start)
