"""Lists of subscriptions: Dovecot's `subscriptions` in both its versions, and Courier's `courierimapsubscribed`."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

from correo.mailbox import INBOX
from correo.ops.importing.found import folder_name, folder_part

MAX_LINE = 8192  # octets of one name

_VERSION = re.compile(rb"V\t\d+")
_ESCAPED = re.compile(rb"\x01([01rnt])")  # Dovecot's way to write what parts lines and names
_MEANT = {b"0": b"\0", b"1": b"\x01", b"r": b"\r", b"n": b"\n", b"t": b"\t"}


def dovecot(lines: Iterable[bytes | None], separator: bytes, there: Collection[str]) -> list[str]:
    """`there`: the mailboxes that were found. A name of the namespace "INBOX." is taken without it where that is one of them."""
    rows = [line for line in lines if line]
    tabbed = bool(rows) and _VERSION.fullmatch(rows[0]) is not None
    found = []
    for row in rows[1:] if tabbed else rows:
        parts = (
            [_ESCAPED.sub(_unescaped, part) for part in row.split(b"\t")] if tabbed else row.split(separator)
        )
        found.append(_name(parts, there))
    return found


def courier(lines: Iterable[bytes | None], there: Collection[str]) -> list[str]:
    """Names are all below INBOX there."""
    return [_name(row.split(b"."), there) for row in lines if row]


def _unescaped(match: re.Match[bytes]) -> bytes:
    return _MEANT[match[1]]


def _name(parts: list[bytes], there: Collection[str]) -> str:
    names = [folder_part(part) for part in parts]
    whole, below = folder_name(names), folder_name(names[1:])
    if len(names) > 1 and names[0].upper() == INBOX and whole not in there and below in there:
        return below
    return whole
