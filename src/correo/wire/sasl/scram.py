"""SCRAM-SHA-256 (RFC 5802, RFC 7677): the client proves that it knows the password and never shows it.

Without channel binding: SCRAM-SHA-256-PLUS is not offered.
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from dataclasses import dataclass

from correo.wire.sasl.keys import ScramKeys
from correo.wire.sasl.steps import (
    MAX_MESSAGE,
    Challenge,
    Exchange,
    Finished,
    LookUp,
    Malformed,
    Mechanism,
    Rejected,
    decode,
)

MAX_NONCE = 512  # characters of the client's; 18 to 64 are usual

_NONCE = re.compile(rf"[!-+\--~]{{1,{MAX_NONCE}}}")  # RFC 5802 §7, printable
_SASLNAME = re.compile(r"(?:[^=,\0]|=2C|=3D)+")  # RFC 5802 §7, saslname


@dataclass(frozen=True, slots=True)
class _Opening:
    """The client-first-message."""

    header: str  # the gs2-header, which the client repeats in base64 at the end
    bare: str
    login: str
    authzid: str
    nonce: str


def start(initial: bytes | None, nonce: str) -> Exchange:
    message: bytes = initial if initial is not None else (yield Challenge(b""))
    opening = _read_opening(message)
    if isinstance(opening, Malformed):
        return opening
    keys: ScramKeys = yield LookUp(opening.login)
    whole_nonce = opening.nonce + nonce
    server_first = f"r={whole_nonce},s={b64encode(keys.salt).decode()},i={keys.iterations}"
    closing: bytes = yield Challenge(server_first.encode())

    without_proof, proof = _read_closing(closing)
    binding = b"c=" + b64encode(opening.header.encode())
    # Extensions may follow the two, and are signed with them (RFC 5802 §7, client-final-message-without-proof).
    if without_proof.split(b",")[:2] != [binding, b"r=" + whole_nonce.encode()] or proof is None:
        return Malformed("the final message does not belong to the first, or has no proof")
    signed = b",".join((opening.bare.encode(), server_first.encode(), without_proof))
    if not keys.proves(proof, signed):
        return Rejected(opening.login)
    final = b"v=" + b64encode(keys.signature(signed))
    return Finished(opening.login, opening.authzid, final)


def _read_opening(message: bytes) -> _Opening | Malformed:
    """RFC 5802 §7: gs2-cbind-flag "," [authzid] "," username "," nonce ["," extensions]."""
    text = decode(message)
    if text is None:
        return Malformed("the first message is too long or not UTF-8")
    fields = text.split(",")
    if len(fields) < 4:
        return Malformed("the first message has too few fields")
    flag, identity, name, nonce = fields[:4]
    if flag not in ("n", "y"):
        return Malformed("channel binding is not offered")
    if name.startswith("m="):
        return Malformed("the client demands an extension")  # RFC 5802 §5.1, attribute m
    authzid = _saslname(identity, "a=") if identity else ""
    login = _saslname(name, "n=")
    if authzid is None or login is None:
        return Malformed("a name is empty or badly escaped")
    if not nonce.startswith("r=") or not _NONCE.fullmatch(nonce, 2):
        return Malformed("the nonce is missing, too long or not printable")
    return _Opening(f"{flag},{identity},", ",".join(fields[2:]), login, authzid, nonce[2:])


def _read_closing(message: bytes) -> tuple[bytes, bytes | None]:
    """What was signed, and the proof, or None where there is none that can be read."""
    if len(message) > MAX_MESSAGE:
        return b"", None
    without_proof, _, encoded = message.rpartition(b",p=")
    try:
        return without_proof, b64decode(encoded, validate=True)
    except ValueError:
        return without_proof, None


def _saslname(field: str, prefix: str) -> str | None:
    if not field.startswith(prefix) or not _SASLNAME.fullmatch(field, len(prefix)):
        return None
    return field[len(prefix) :].replace("=2C", ",").replace("=3D", "=")


ROW = Mechanism("SCRAM-SHA-256", plaintext=False, source="RFC 7677", start=start)
