"""Object identifiers (RFC 8474): the ids of the store, with a letter in front that says of what, as they must not clash.

Threads have no row in the store. Which one a message is in follows from its header alone: the eldest message it says it descends
from. So it never changes, is the same in all mailboxes and for all copies, and costs nothing until somebody asks.
"""

from __future__ import annotations

import re
from hashlib import blake2b

from correo.mail.message.ancestry import ancestry, message_ids

# No id of the store is longer; a leading zero would be a second spelling.
_EMAILID = re.compile(r"M([1-9]\d{0,18})").fullmatch


def mailboxid(id: int) -> str:
    """`(F17)`: kept by RENAME, and never given to another mailbox."""
    return f"(F{id})"


def emailid(content_id: int) -> str:
    """`(M17)`: that of the content, so copies of a message have it too (RFC 8474 §5.1)."""
    return f"(M{content_id})"


def threadid(header: bytes, message_id: str, content_id: int) -> str:
    """`T` and twenty hexadecimal digits (RFC 8474 §5.2); `message_id` is the field of that name.

    A message that names nobody and has no name is a thread of its own, with the id of its content, which is shorter.
    """
    eldest = next(iter(ancestry(header) or message_ids(message_id)), "")
    if not eldest:
        return f"T{content_id}"
    return f"T{blake2b(eldest.encode('utf-8', 'replace'), digest_size=10).hexdigest()}"


def content_of(emailid: str) -> int | None:
    """The content of which `emailid` is the id, without its parentheses; None where it can be of none."""
    match = _EMAILID(emailid)
    return int(match[1]) if match else None
