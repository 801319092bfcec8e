"""What STATUS is asked for (RFC 3501 §6.3.10), one row per item."""

from __future__ import annotations

from enum import Enum

from correo.wire.imap.grammar import Arguments, SyntaxFault


class StatusItem(Enum):
    MESSAGES = "MESSAGES"
    RECENT = "RECENT"
    UIDNEXT = "UIDNEXT"
    UIDVALIDITY = "UIDVALIDITY"
    UNSEEN = "UNSEEN"
    SIZE = "SIZE"  # RFC 8438 §3
    DELETED = "DELETED"  # RFC 9208 §4.1.4
    DELETED_STORAGE = "DELETED-STORAGE"
    APPENDLIMIT = "APPENDLIMIT"  # RFC 7889 §3.1
    HIGHESTMODSEQ = "HIGHESTMODSEQ"  # RFC 7162 §3.1.7
    MAILBOXID = "MAILBOXID"  # RFC 8474 §4.3


_ITEMS = {item.value: item for item in StatusItem}


def status_items(args: Arguments) -> tuple[StatusItem, ...]:
    """`"(" status-att *(SP status-att) ")"`, each once. Raises SyntaxFault."""
    return tuple(dict.fromkeys(args.paren_list(_item)))


def _item(args: Arguments) -> StatusItem:
    item = _ITEMS.get(args.word())
    if item is None:
        raise SyntaxFault("there is no such status item")
    if item is StatusItem.RECENT:
        args.not_in_rev2(item.value)
    return item
