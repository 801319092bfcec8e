"""Mailbox names in modified UTF-7 (RFC 3501 §5.1.3), strictly: one name has one spelling."""

from __future__ import annotations

import binascii
import re

_ENCODED = re.compile(r"[^ -~]+|&")
_SHIFTED = re.compile(rb"&([A-Za-z0-9+,]*)-")
_PLAIN = re.compile(rb"[ -%'-~]*")


def encode(name: str) -> bytes:
    """Raises ValueError where `name` holds half of a surrogate pair, which no encoding of Unicode allows."""
    return _ENCODED.sub(_shift, name).encode("ascii")


def decode(data: bytes) -> str:
    """Raises ValueError for every spelling that `encode` would not have chosen.

    That is what §5.1.3 forbids: 8-bit and control octets, an open or superfluous shift, printable ASCII in
    base64, stray bits, half a surrogate pair. A second spelling would be a second name for the same mailbox.
    """
    if _PLAIN.fullmatch(data):
        return data.decode("ascii")
    name = _SHIFTED.sub(_unshift, data).decode("utf-8")
    if encode(name) != data:
        raise ValueError("not modified UTF-7")
    return name


def _shift(match: re.Match[str]) -> str:
    if match[0] == "&":
        return "&-"
    octets = binascii.b2a_base64(match[0].encode("utf-16-be"), newline=False)
    return "&" + octets.rstrip(b"=").replace(b"/", b",").decode("ascii") + "-"


def _unshift(match: re.Match[bytes]) -> bytes:
    digits = match[1].replace(b",", b"/")
    if not digits:
        return b"&"
    octets = binascii.a2b_base64(digits + b"=" * (-len(digits) % 4))
    return octets.decode("utf-16-be").encode("utf-8")
