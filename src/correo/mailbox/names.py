"""Names of mailboxes: paths parted by "/", in NFC, with the one name every account has. Pure.

The limits keep LIST and RENAME affordable: both work on all names of an account at once.
"""

from __future__ import annotations

import unicodedata

from correo.mail.errors import Kind, Refused

SEPARATOR = "/"
INBOX = "INBOX"

MAX_NAME = 1000  # octets of UTF-8: far above what clients show, far below a command line
MAX_DEPTH = 32  # parts: CREATE makes the missing parents, so one name may cost as many mailboxes
MAX_MAILBOXES = 10_000  # in one account
MAX_SUBSCRIPTIONS = 10_000  # in one account; they need not name mailboxes that exist

# RFC 6154 §2, without \All and \Flagged: those are views, and we have none.
SPECIAL_USES = frozenset({"\\Archive", "\\Drafts", "\\Junk", "\\Sent", "\\Trash"})

# "*" and "%" are LIST's wildcards: a mailbox with one in its name could never be listed alone (RFC 9051 §5.1).
_WILDCARDS = frozenset("*%")
# Controls, surrogates, and the two separators that RFC 9051 §5.1 (through RFC 5198 §2) keeps out of names.
_FORBIDDEN = frozenset({"Cc", "Cs", "Zl", "Zp"})


def canonical(name: str) -> str:
    """The one spelling under which `name` is looked up; says nothing about whether it may exist.

    INBOX is written without regard to case, alone and as the first part of a path (RFC 9051 §5.1).
    """
    name = unicodedata.normalize("NFC", name)
    # lower(), not upper(): the dotless i of Turkish becomes a plain I in upper case.
    if name[:5].lower() == "inbox" and name[5:6] in ("", SEPARATOR):
        return INBOX + name[5:]
    return name


def checked(name: str) -> str:
    """The canonical form of a name that is to come into being. Raises Refused(BAD_NAME)."""
    name = canonical(name)
    if not _WILDCARDS.isdisjoint(name):
        raise Refused(Kind.BAD_NAME, "a wildcard in a mailbox name")
    # What is printable has nothing forbidden in it; the reverse is not true (a no-break space, a joiner).
    if not name.isprintable() and any(unicodedata.category(letter) in _FORBIDDEN for letter in name):
        raise Refused(Kind.BAD_NAME, "a control character in a mailbox name")
    if len(name.encode()) > MAX_NAME:
        raise Refused(Kind.BAD_NAME, f"a mailbox name longer than {MAX_NAME} octets")
    parts = name.split(SEPARATOR)
    if not all(parts):
        raise Refused(Kind.BAD_NAME, "an empty part in a mailbox name")
    if len(parts) > MAX_DEPTH:
        raise Refused(Kind.BAD_NAME, f"a mailbox name with more than {MAX_DEPTH} parts")
    return name


def parents(name: str) -> list[str]:
    """The names above `name`, from the top."""
    parts = name.split(SEPARATOR)
    return [SEPARATOR.join(parts[:depth]) for depth in range(1, len(parts))]


def is_below(name: str, parent: str) -> bool:
    return name.startswith(parent + SEPARATOR)
