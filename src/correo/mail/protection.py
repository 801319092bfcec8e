"""How a message is to be protected on its way, where its sender has said so (RFC 8689). Pure values."""

from __future__ import annotations

from enum import Enum


class Protection(Enum):
    """The value is what the queue remembers."""

    USUAL = ""  # as its destination wants it, and as this server is configured
    REQUIRED = "REQUIRED"  # REQUIRETLS: TLS, with a server that is proved and promises the same (RFC 8689 §2)
    OPTIONAL = (
        "OPTIONAL"  # `TLS-Required: No`: that it arrives matters more than what its destination asks for (§3)
    )
