"""What STATUS can be asked for, a row each."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING

from correo import mailbox
from correo.access.imap.objectid import mailboxid
from correo.mailbox import MAX_UID, OWNER, Mailbox
from correo.storage.db import Tx
from correo.wire.imap.status import StatusItem

if TYPE_CHECKING:
    from correo.access.imap.options import ImapOptions

# The last argument: who reads (`mailbox.seen`).
Value = Callable[[Tx, Mailbox, "ImapOptions", int], Awaitable[int | str]]


def column(value: Callable[[Mailbox], int | str]) -> Value:
    async def item(tx: Tx, box: Mailbox, options: ImapOptions, reader: int) -> int | str:
        return value(box)

    return item


async def values(
    tx: Tx, box: Mailbox, items: Iterable[StatusItem], options: ImapOptions, reader: int = OWNER
) -> dict[str, int | str]:
    return {item.value: await STATUS_ITEMS[item](tx, box, options, reader) for item in items}


async def unseen(tx: Tx, box: Mailbox, options: ImapOptions, reader: int) -> int:
    return await mailbox.unseen(tx, box.id, reader) if reader else box.unseen


async def append_limit(tx: Tx, box: Mailbox, options: ImapOptions, reader: int) -> int:
    return options.append_limit


async def deleted_storage(tx: Tx, box: Mailbox, options: ImapOptions, reader: int) -> int:
    """Octets that EXPUNGE would free."""
    return await mailbox.deleted_size(tx, box.id) if box.deleted else 0


async def recent(tx: Tx, box: Mailbox, options: ImapOptions, reader: int) -> int:
    """How many messages no session has been told of."""
    if box.recent == 1 or not box.messages:
        return box.messages
    if box.recent >= box.uidnext:
        return 0
    return len(await mailbox.fetch_rows(tx, box.id, [(box.recent, MAX_UID)], ()))


STATUS_ITEMS: dict[StatusItem, Value] = {
    StatusItem.MESSAGES: column(lambda box: box.messages),
    StatusItem.RECENT: recent,
    StatusItem.UIDNEXT: column(lambda box: box.uidnext),
    StatusItem.UIDVALIDITY: column(lambda box: box.uidvalidity),
    StatusItem.UNSEEN: unseen,
    StatusItem.SIZE: column(lambda box: box.size),
    StatusItem.DELETED: column(lambda box: box.deleted),
    StatusItem.DELETED_STORAGE: deleted_storage,
    StatusItem.APPENDLIMIT: append_limit,
    StatusItem.HIGHESTMODSEQ: column(lambda box: box.modseq),
    StatusItem.MAILBOXID: column(lambda box: mailboxid(box.id)),
}
