"""What the refusals of the store are called in IMAP: response codes of RFC 5530 where it has one."""

from __future__ import annotations

from correo.access.imap.responses import Completion, no
from correo.mail.errors import Kind

REPLIES: dict[Kind, Completion] = {
    Kind.NOT_FOUND: no("There is no such mailbox", "NONEXISTENT"),
    Kind.EXISTS: no("There is one already", "ALREADYEXISTS"),
    Kind.NO_PERMISSION: no("Permission denied", "NOPERM"),
    Kind.BAD_NAME: no("A mailbox cannot have that name", "CANNOT"),
    Kind.IN_USE: no("In use by another session", "INUSE"),
    Kind.OVER_QUOTA: no("Over quota", "OVERQUOTA"),
    Kind.TOO_BIG: no("The message is too big", "TOOBIG"),  # RFC 7889 §4
    Kind.TOO_MANY: no("There are too many", "LIMIT"),
    Kind.HAS_CHILDREN: no("There are mailboxes below it", "HASCHILDREN"),  # RFC 9051 §7.1
    # RFC 5530 §3: that can never succeed.
    Kind.OUTBOX: no(
        "The server alone fills the Outbox: what is sent appears there, and is cancelled when it is deleted",
        "CANNOT",
    ),
    Kind.BAD_CREDENTIALS: no("Authentication failed", "AUTHENTICATIONFAILED"),
    # Not told apart from a wrong password: whether an account exists is nobody's business.
    Kind.DISABLED: no("Authentication failed", "AUTHENTICATIONFAILED"),
    Kind.UNAVAILABLE: no("Temporarily unavailable, try again later", "UNAVAILABLE"),
    Kind.BROKEN: no("What is stored is damaged", "CORRUPTION"),
}

UNDER_WAY = no("What is being sent at this moment cannot be cancelled any more", "INUSE")

# RFC 3501 §6.3.11, §6.4.7: the client may offer to create the mailbox and try again.
TRY_CREATE = no("There is no such mailbox", "TRYCREATE")
