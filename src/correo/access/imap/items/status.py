"""What STATUS can be asked for, a row each."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from correo import mailbox
from correo.mailbox import MAX_UID, Mailbox
from correo.storage.db import Tx
from correo.wire.imap.status import StatusItem

Value = Callable[[Tx, Mailbox], Awaitable[int]]


def column(value: Callable[[Mailbox], int]) -> Value:
    async def item(tx: Tx, box: Mailbox) -> int:
        return value(box)

    return item


async def recent(tx: Tx, box: Mailbox) -> int:
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
    StatusItem.UNSEEN: column(lambda box: box.unseen),
}
