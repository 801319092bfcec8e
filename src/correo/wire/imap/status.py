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


_ITEMS = {item.value: item for item in StatusItem}


def status_items(args: Arguments) -> tuple[StatusItem, ...]:
    """`"(" status-att *(SP status-att) ")"`, each once. Raises SyntaxFault."""
    return tuple(dict.fromkeys(args.paren_list(_item)))


def _item(args: Arguments) -> StatusItem:
    item = _ITEMS.get(args.word())
    if item is None:
        raise SyntaxFault("there is no such status item")
    return item
