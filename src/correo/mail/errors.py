"""The refusals a store can give, in words no protocol owns.

Storage and delivery raise `Refused(kind)` (or a subclass with more to say); each protocol has one table that turns
the kinds into its own replies, and a test holds every table complete. Strangers see the words of that table,
never the text of an exception.
"""

from __future__ import annotations

from enum import Enum


class Kind(Enum):
    """Why something could not be done."""

    NOT_FOUND = "not found"  # no such mailbox, account, message, alias
    EXISTS = "already exists"
    NO_PERMISSION = "no permission"
    BAD_NAME = "name not allowed"  # a mailbox or address name that cannot be
    IN_USE = "in use by another session"  # POP3's exclusive lock
    OVER_QUOTA = "over quota"
    TOO_BIG = "too big"
    TOO_MANY = "too many"  # a count limit: recipients, mailboxes, keywords
    HAS_CHILDREN = "has children"  # DELETE of a name that cannot go
    OUTBOX = "the server keeps it itself"  # what is done to an Outbox or put into it, where the server alone does that
    BAD_CREDENTIALS = "authentication failed"
    DISABLED = "account disabled"
    UNAVAILABLE = "temporarily unavailable"  # try again later
    BROKEN = "internal error"  # our fault; details are in the log under an id


class Refused(Exception):
    """A request was understood and is refused; nothing was changed."""

    def __init__(self, kind: Kind, detail: str = "") -> None:
        super().__init__(f"{kind.value}: {detail}" if detail else kind.value)
        self.kind = kind
        self.detail = detail  # for the log and the operator's own terminal, never for a stranger
