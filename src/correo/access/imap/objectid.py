"""Object identifiers (RFC 8474): the ids of the store, with a letter in front that says of what, as they must not clash."""

from __future__ import annotations

import re

# No id of the store is longer; a leading zero would be a second spelling.
_EMAILID = re.compile(r"M([1-9]\d{0,18})").fullmatch


def mailboxid(id: int) -> str:
    """`(F17)`: kept by RENAME, and never given to another mailbox."""
    return f"(F{id})"


def emailid(content_id: int) -> str:
    """`(M17)`: that of the content, so copies of a message have it too (RFC 8474 §5.1)."""
    return f"(M{content_id})"


def content_of(emailid: str) -> int | None:
    """The content of which `emailid` is the id, without its parentheses; None where it can be of none."""
    match = _EMAILID(emailid)
    return int(match[1]) if match else None
