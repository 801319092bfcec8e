"""Strings in IMAP's wire form (RFC 3501 §4.3, §9): quoted where that is safe, else literals."""

from __future__ import annotations

import re

MAX_QUOTED = 1_000  # octets; what is longer goes as a literal, because clients bound the length of a line

_SAFE = re.compile(rb"[ !#-\[\]-~]{0,%d}" % MAX_QUOTED)
_QUOTABLE = re.compile(rb"[\t -~]{0,%d}" % MAX_QUOTED)


def string(value: bytes) -> bytes:
    """The value as `string`. NUL, which no string of IMAP can hold, becomes `?`."""
    if _SAFE.fullmatch(value):
        return b'"%b"' % value
    if _QUOTABLE.fullmatch(value):
        return b'"%b"' % value.replace(b"\\", b"\\\\").replace(b'"', b'\\"')
    return b"{%d}\r\n%b" % (len(value), value.replace(b"\0", b"?"))


def nstring(value: bytes | None) -> bytes:
    """The value as `nstring`: NIL for None."""
    return b"NIL" if value is None else string(value)
