"""The three namespaces (RFC 2342): one's own mailboxes, those of other users, and those that belong to nobody in particular. Pure.

A mailbox of another account is called "Other Users/bob@example.org/Projects/X" by everybody but its owner, and one of a shared
account "Shared/support@example.org/INBOX". In the address what names of mailboxes cannot hold is written as in quoted-printable,
so that the level it stands in is one level, and can be listed alone.
"""

from __future__ import annotations

import re
import unicodedata
from typing import NamedTuple

from correo import mailbox
from correo.mail.address import BadAddress, fold_domain
from correo.mailbox import INBOX, SEPARATOR

OTHERS = "Other Users"
SHARED = "Shared"

_ESCAPED = re.compile(r"=([0-9A-Fa-f]{2})")
_SPECIAL = re.compile(r"[/*%=]")


class Foreign(NamedTuple):
    """`address`: of the account, in its comparison form; `name`: what its owner calls the mailbox, "" for the level above all."""

    shared: bool
    address: str
    name: str


def foreign(name: str) -> Foreign | None:
    """What a name in another namespace is about; None for one that can only be one's own."""
    space, _, rest = name.partition(SEPARATOR)
    if space not in (OTHERS, SHARED):
        return None
    level, _, inner = rest.partition(SEPARATOR)
    local, at, domain = _ESCAPED.sub(lambda match: chr(int(match[1], 16)), level).rpartition("@")
    if not local:
        return None
    try:
        address = unicodedata.normalize("NFC", local).lower() + at + fold_domain(domain)
    except BadAddress:
        return None
    return Foreign(space == SHARED, address, mailbox.canonical(inner))


def spelled(shared: bool, address: str, name: str) -> str:
    """What others call the mailbox `name` of the account."""
    level = _SPECIAL.sub(lambda match: f"={ord(match[0]):02X}", address)
    return SEPARATOR.join((SHARED if shared else OTHERS, level, name))


def canonical(name: str) -> str:
    """The one spelling under which a name in any of the namespaces is kept."""
    about = foreign(name)
    return spelled(*about) if about and about.name else mailbox.canonical(name)


def reserved(name: str) -> bool:
    """Whether a name lies in the namespaces of others, where nobody can have mailboxes of his own."""
    return mailbox.canonical(name).partition(SEPARATOR)[0] in (OTHERS, SHARED)


def inbox_at(name: str) -> int:
    """Where in a name, as it is kept, the level begins that is INBOX and may be written in any case; -1 where there is none."""
    if name.startswith(INBOX) and name[len(INBOX) : len(INBOX) + 1] in ("", SEPARATOR):
        return 0
    if name.startswith((OTHERS + SEPARATOR, SHARED + SEPARATOR)):
        start = name.find(SEPARATOR, name.find(SEPARATOR) + 1) + 1
        if name.startswith(INBOX, start) and name[start + len(INBOX) :][:1] in ("", SEPARATOR):
            return start
    return -1
