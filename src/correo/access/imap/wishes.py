"""What a client wants to be told of the mailbox it has selected, where it has said so (RFC 5465 §5, §7). Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import NamedTuple

from correo.wire.imap.fetch import BinarySection, BodySection, FetchItem

Items = tuple[FetchItem, ...]
Fresh = dict[int, Items]  # by UID, what is to be told of messages that have just come


class Interest(NamedTuple):
    """`messages`: that they come and go. `items`: what of those that come."""

    messages: bool = True
    flags: bool = True
    items: Items = ()


USUAL = Interest()


def note(fresh: Fresh, uids: Iterable[int], items: Items) -> None:
    """`items` are to be told of these messages, besides what is to be told already."""
    unread = tuple(map(_unread, items))
    for uid in uids:
        fresh[uid] = tuple(dict.fromkeys((*fresh.get(uid, ()), *unread)))


def _unread(item: FetchItem) -> FetchItem:
    """What is told unasked has been read by nobody: nothing sets \\Seen (RFC 5465 §5.2 warns clients of it)."""
    return replace(item, peek=True) if isinstance(item, BodySection | BinarySection) else item
