"""What the refusals of the store are called in POP3 (RFC 2449 §8, RFC 3206)."""

from __future__ import annotations

from correo.mail.errors import Kind
from correo.wire.pop3.reply import Err

LOGIN_DELAY = Err("You were here a moment ago, try again later", "LOGIN-DELAY")  # RFC 2449 §8.1.1

SHUT_OUT = Err("The account was closed or has another password", "AUTH", last=True)  # RFC 3206 §4

REPLIES: dict[Kind, Err] = {
    Kind.NOT_FOUND: Err("No such message"),
    Kind.EXISTS: Err("Already exists"),
    Kind.NO_PERMISSION: Err("Permission denied", "SYS/PERM"),
    Kind.BAD_NAME: Err("Name not allowed"),
    Kind.IN_USE: Err("Maildrop already locked by another session", "IN-USE"),
    Kind.OVER_QUOTA: Err("Over quota", "SYS/PERM"),
    Kind.TOO_BIG: Err("Too big", "SYS/PERM"),
    Kind.TOO_MANY: Err("Too many", "SYS/PERM"),
    Kind.HAS_CHILDREN: Err("Has children", "SYS/PERM"),
    Kind.OUTBOX: Err("Permission denied", "SYS/PERM"),
    Kind.BAD_CREDENTIALS: Err("Authentication failed", "AUTH"),
    # Not told apart from a wrong password: whether an account exists is nobody's business.
    Kind.DISABLED: Err("Authentication failed", "AUTH"),
    Kind.UNAVAILABLE: Err("Temporarily unavailable, try again later", "SYS/TEMP"),
    Kind.BROKEN: Err("Internal error", "SYS/TEMP"),
}
