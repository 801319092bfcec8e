"""OAUTHBEARER (RFC 7628) and XOAUTH2: the client shows a token that an authorization server gave it.

XOAUTH2 is what Google made before the RFC, and what Microsoft took over; it differs in the first line and in what an error says.
"""

from __future__ import annotations

import json
import re

from correo.wire.sasl.scram import saslname
from correo.wire.sasl.steps import (
    BadToken,
    Challenge,
    Channel,
    CheckToken,
    Exchange,
    Malformed,
    Mechanism,
    Opening,
    Rejected,
    TokenOwner,
    Vouched,
    decode,
)

MAX_TOKEN_MESSAGE = (
    9_000  # octets; 12,000 in base64, which the lines of all three protocols hold. Tokens have 40 to 5,000
)

_PAIR = re.compile(r"([A-Za-z]+)=([\t\n\r -~]*)")  # RFC 7628 §3.1, key and value
_TOKEN = re.compile(r"[Bb][Ee][Aa][Rr][Ee][Rr] +([A-Za-z0-9\-._~+/]+=*)")  # RFC 6750 §2.1
_HTTP_STATUS = {"invalid_token": "401", "insufficient_scope": "403"}  # RFC 6750 §3.1


def _start_bearer(opening: Opening) -> Exchange:
    initial = opening.initial
    message: bytes = initial if initial is not None else (yield Challenge(b""))
    header, pairs = _read(message)
    fields = header.split(",")
    # RFC 7628 §3.1: the gs2-header of RFC 5801; channel binding is not for this mechanism.
    if pairs is None or len(fields) != 3 or fields[0] not in ("n", "y") or fields[2]:
        return Malformed("the message is not a gs2-header and pairs of key and value")
    authzid = saslname(fields[1], "a=") if fields[1] else ""
    if authzid is None:
        return Malformed("the name is empty or badly escaped")
    verdict: TokenOwner | BadToken = yield CheckToken(_token(pairs), authzid)
    if isinstance(verdict, TokenOwner):
        return Vouched((verdict.login,), authzid)
    error = {"status": verdict.status, "scope": verdict.scope}
    error["openid-configuration"] = verdict.configuration
    yield Challenge(
        _json(error)
    )  # the answer is of no use; it lets the client read the error first (RFC 7628 §3.2.3)
    return Rejected(authzid, verdict.status)


def _start_xoauth2(opening: Opening) -> Exchange:
    initial = opening.initial
    message: bytes = initial if initial is not None else (yield Challenge(b""))
    header, pairs = _read(message)
    login = header.removeprefix("user=")
    if pairs is None or login in ("", header):
        return Malformed("the message is not a user and a token")
    verdict: TokenOwner | BadToken = yield CheckToken(_token(pairs), login)
    if isinstance(verdict, TokenOwner):
        return Vouched((verdict.login,), login)
    yield Challenge(
        _json({"status": _HTTP_STATUS[verdict.status], "schemes": "bearer", "scope": verdict.scope})
    )
    return Rejected(login, verdict.status)


def _read(message: bytes) -> tuple[str, dict[str, str] | None]:
    """The first field, and the pairs of key and value after it; None where it is not of this form."""
    text = decode(message, MAX_TOKEN_MESSAGE)
    # Every field ends in one ^A, and the whole in another.
    if text is None or not text.endswith("\x01\x01") or "\0" in text:
        return "", None
    header, *fields = text[:-2].split("\x01")
    pairs: dict[str, str] = {}
    for field in fields:
        match = _PAIR.fullmatch(field)
        if match is None or match[1] in pairs:
            return "", None
        pairs[match[1]] = match[2]
    return header, pairs


def _token(pairs: dict[str, str]) -> str:
    """ "" where there is none, which is how a client asks where to get one (RFC 7628 §4.3)."""
    match = _TOKEN.fullmatch(pairs.get("auth", ""))
    return match[1] if match else ""


def _json(fields: dict[str, str]) -> bytes:
    return json.dumps({key: value for key, value in fields.items() if value}).encode()


def _private(channel: Channel) -> bool:
    return channel.tls  # a token is as good as a password to whoever hears it (RFC 7628 §3, RFC 6750 §5.3)


OAUTHBEARER = Mechanism("OAUTHBEARER", "RFC 7628", _private, _start_bearer)
XOAUTH2 = Mechanism(
    "XOAUTH2", "https://developers.google.com/gmail/imap/xoauth2-protocol", _private, _start_xoauth2
)
