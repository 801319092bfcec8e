"""What the refusals of the store are called in SMTP (RFC 3463), in words for strangers."""

from __future__ import annotations

from correo.mail.errors import Kind
from correo.mail.status import Status
from correo.wire.smtp.data import Fault

# At RCPT and at the end of a message.
STATUSES: dict[Kind, Status] = {
    Kind.NOT_FOUND: Status(550, "5.1.1", "No such user here"),
    Kind.EXISTS: Status(451, "4.3.0", "Not possible now, try again later"),
    Kind.NO_PERMISSION: Status(550, "5.7.1", "Not permitted"),
    Kind.BAD_NAME: Status(553, "5.1.3", "Address not allowed"),
    Kind.IN_USE: Status(450, "4.2.0", "Mailbox busy, try again later"),
    # For now: room may be made before the sender gives up (RFC 3463 §3.3).
    Kind.OVER_QUOTA: Status(452, "4.2.2", "Mailbox full, try again later"),
    Kind.TOO_BIG: Status(552, "5.3.4", "Message too big"),
    # An alias that leads to too many: the operator will mend it, and the mail should not be lost meanwhile.
    Kind.TOO_MANY: Status(451, "4.3.5", "Too many destinations, try again later"),
    Kind.HAS_CHILDREN: Status(451, "4.3.0", "Not possible now, try again later"),
    Kind.OUTBOX: Status(550, "5.7.1", "Not permitted"),
    Kind.BAD_CREDENTIALS: Status(535, "5.7.8", "Authentication failed"),
    Kind.DISABLED: Status(550, "5.2.1", "Mailbox disabled"),
    Kind.UNAVAILABLE: Status(451, "4.3.0", "Temporarily unavailable, try again later"),
    Kind.BROKEN: Status(451, "4.3.0", "Internal error, try again later"),
}

# At AUTH (RFC 4954 §6). Where a refusal would tell whether an account exists, it is the one of a wrong password.
AUTH_STATUSES: dict[Kind, Status] = {kind: Status(535, "5.7.8", "Authentication failed") for kind in Kind} | {
    Kind.NOT_FOUND: Status(504, "5.5.4", "Mechanism not available"),
    Kind.UNAVAILABLE: Status(454, "4.7.0", "Temporary authentication failure"),
    Kind.BROKEN: Status(454, "4.7.0", "Temporary authentication failure"),
}

# What was wrong with the text of a message; the first that applies is said.
FAULTS: dict[Fault, Status] = {
    Fault.TOO_BIG: Status(552, "5.3.4", "Message too big"),
    Fault.BARE_LF: Status(550, "5.6.11", "Lines must end in CR LF: the message has a LF alone"),
    Fault.BARE_CR: Status(550, "5.6.11", "Lines must end in CR LF: the message has a CR alone"),
    Fault.NUL: Status(550, "5.6.11", "The message has a NUL octet"),
}

FULL_FOR_GOOD = Status(552, "5.2.2", "Mailbox full")


def full(reject: bool) -> Status:
    """What is said of a mailbox without room, by the operator's choice."""
    return FULL_FOR_GOOD if reject else STATUSES[Kind.OVER_QUOTA]


STARVED = Status(452, "4.3.1", "Too much mail at once, try again later")
TOO_LATE = Status(554, "5.4.7", "The time that was set for its delivery has passed")
NO_LINES = Status(554, "5.6.3", "What is no text must be in parts of Content-Transfer-Encoding: binary")
HEADER_TOO_BIG = Status(552, "5.3.4", "Message header too big")
