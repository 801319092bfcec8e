"""SCRAM-SHA-256 and SCRAM-SHA-1 (RFC 5802, RFC 7677): the client proves that it knows the password and never shows it.

The forms that end in -PLUS also prove that client and server are at the two ends of one TLS connection, with nobody in the
middle: what is proved contains a channel binding (RFC 5929). Which types there are is the channel's affair.
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from dataclasses import dataclass
from functools import partial

from correo.wire.sasl.keys import Digest, ScramKeys
from correo.wire.sasl.steps import (
    MAX_MESSAGE,
    Challenge,
    Channel,
    Exchange,
    Finished,
    LookUp,
    Malformed,
    Mechanism,
    Opening,
    Rejected,
    decode,
)

MAX_NONCE = 512  # characters of the client's; 18 to 64 are usual
PLUS = "-PLUS"

# RFC 5802 §5.1: wherever this attribute is, it says that the message is not to be understood without an extension, and we know none.
_DEMAND = "m="

_NONCE = re.compile(rf"[!-+\--~]{{1,{MAX_NONCE}}}")  # RFC 5802 §7, printable
_SASLNAME = re.compile(r"(?:[^=,\0]|=2C|=3D)+")  # RFC 5802 §7, saslname


@dataclass(frozen=True, slots=True)
class _First:
    """The client-first-message."""

    flag: str  # gs2-cbind-flag
    header: str  # the gs2-header, which the client repeats in base64 at the end
    bare: str
    login: str
    authzid: str
    nonce: str


def _start(digest: Digest, plus: bool, opening: Opening) -> Exchange:
    initial = opening.initial
    message: bytes = initial if initial is not None else (yield Challenge(b""))
    first = _read_first(message)
    if isinstance(first, Malformed):
        return first
    data = _binding(first.flag, plus, opening)
    if isinstance(data, Malformed):
        return data
    keys: ScramKeys = yield LookUp(first.login, digest)
    whole_nonce = first.nonce + opening.nonce
    server_first = f"r={whole_nonce},s={b64encode(keys.salt).decode()},i={keys.iterations}"
    closing: bytes = yield Challenge(server_first.encode())

    without_proof, proof = _read_closing(closing)
    binding = b"c=" + b64encode(first.header.encode() + data)
    # Extensions may follow the two, and are signed with them (RFC 5802 §7, client-final-message-without-proof).
    fields = without_proof.split(b",")
    if fields[:2] != [binding, b"r=" + whole_nonce.encode()] or proof is None:
        return Malformed(
            "the final message does not belong to the first or to this connection, or has no proof"
        )
    if any(field.startswith(_DEMAND.encode()) for field in fields[2:]):
        return Malformed("the client demands an extension")
    signed = b",".join((first.bare.encode(), server_first.encode(), without_proof))
    proven = keys.proven(proof, signed)
    if proven is None:
        return Rejected(first.login)
    final = b"v=" + b64encode(proven.signature(signed))
    return Finished(first.login, first.authzid, final, proven)


def _binding(flag: str, plus: bool, opening: Opening) -> bytes | Malformed:
    """The channel binding data that the proof must contain (RFC 5802 §6)."""
    if not plus:
        if flag == "n":
            return b""
        if flag != "y":
            return Malformed("channel binding without a mechanism for it")
        # The client could bind and believes that we cannot: somebody took the -PLUS forms from our list on its way.
        if any(name.endswith(PLUS) for name in opening.offered):
            return Malformed("the client did not see that channel binding is offered")
        return b""
    kind = flag.removeprefix("p=")
    if kind == flag:
        return Malformed("a mechanism for channel binding without it")
    data = opening.channel.bindings.get(kind)
    return data if data else Malformed("there is no channel binding of this type")


def _read_first(message: bytes) -> _First | Malformed:
    """RFC 5802 §7: gs2-cbind-flag "," [authzid] "," username "," nonce ["," extensions]."""
    text = decode(message)
    if text is None:
        return Malformed("the first message is too long or not UTF-8")
    fields = text.split(",")
    if len(fields) < 4:
        return Malformed("the first message has too few fields")
    flag, identity, name, nonce = fields[:4]
    if any(field.startswith(_DEMAND) for field in fields[2:]):
        return Malformed("the client demands an extension")
    authzid = saslname(identity, "a=") if identity else ""
    login = saslname(name, "n=")
    if authzid is None or login is None:
        return Malformed("a name is empty or badly escaped")
    if not nonce.startswith("r=") or not _NONCE.fullmatch(nonce, 2):
        return Malformed("the nonce is missing, too long or not printable")
    return _First(flag, f"{flag},{identity},", ",".join(fields[2:]), login, authzid, nonce[2:])


def _read_closing(message: bytes) -> tuple[bytes, bytes | None]:
    """What was signed, and the proof, or None where there is none that can be read."""
    if len(message) > MAX_MESSAGE:
        return b"", None
    without_proof, _, encoded = message.rpartition(b",p=")
    try:
        return without_proof, b64decode(encoded, validate=True)
    except ValueError:
        return without_proof, None


def saslname(field: str, prefix: str) -> str | None:
    """The name in a field that begins with `prefix`; None where it is empty or badly escaped (RFC 5801 §4)."""
    if not field.startswith(prefix) or not _SASLNAME.fullmatch(field, len(prefix)):
        return None
    return field[len(prefix) :].replace("=2C", ",").replace("=3D", "=")


def _anywhere(channel: Channel) -> bool:
    return True


def _bound(channel: Channel) -> bool:
    return bool(channel.bindings)


def _row(name: str, digest: Digest, source: str, *, plus: bool = False) -> Mechanism:
    return Mechanism(name, source, _bound if plus else _anywhere, partial(_start, digest, plus))


ROWS = (
    _row("SCRAM-SHA-256-PLUS", "sha256", "RFC 7677", plus=True),
    _row("SCRAM-SHA-256", "sha256", "RFC 7677"),
    _row("SCRAM-SHA-1-PLUS", "sha1", "RFC 5802", plus=True),
    _row("SCRAM-SHA-1", "sha1", "RFC 5802"),
)
