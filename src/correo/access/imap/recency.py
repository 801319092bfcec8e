"""What is \\Recent to a session: it takes that, and no session after it is told the same (RFC 3501 §2.3.2).

To take it is to write, and while mail pours in each write waits behind deliveries. No client waits that long for its SELECT: it is told
what can be read, and the write goes on, to be done before the mailbox is left. Until then another session may be told the same, which
RFC 3501 leaves open for those that have the mailbox open at once.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from correo import mailbox
from correo.mail.errors import Kind, Refused
from correo.mailbox import Mailbox
from correo.storage.db import Database, Tx

if TYPE_CHECKING:
    from correo.access.imap.selected import Selected

MOMENT = 0.05  # seconds that a client waits for the write: enough where nobody writes much, and not felt where somebody does


class Recency:
    """Of one mailbox that a session has open, and may write to."""

    __slots__ = ("_more", "_taking")

    def __init__(self) -> None:
        self._more = False  # has come since the write that is under way was asked for
        self._taking: asyncio.Task[None] | None = None

    async def take(self, db: Database, selected: Selected, box: Mailbox) -> None:
        """What has come to `box` is recent to this session; at the latest when it is `settled`, to none after it."""
        self._more = True
        if self._taking is None or self._taking.done():
            self._taking = asyncio.get_running_loop().create_task(self._take(db, selected))
        done, _ = await asyncio.wait([self._taking], timeout=MOMENT)
        for taken in done:
            if taken is self._taking:
                self._taking = None  # a task weighs as much as the mailbox
            taken.result()
        if not done:
            selected.view.add_recent(box.recent, box.uidnext - 1)

    async def settled(self) -> None:
        """Wait until nothing is under way. For who leaves the mailbox and may come again."""
        if self._taking is not None:
            await asyncio.wait([self._taking])
            self._taking.result()

    async def _take(self, db: Database, selected: Selected) -> None:
        while self._more:
            self._more = False
            try:
                first, last = await db.write(take_recent, selected.mailbox_id)
            except Refused as refused:
                if refused.kind in (Kind.UNAVAILABLE, Kind.NOT_FOUND):
                    return  # a full disk must not keep anybody from reading
                raise
            if not selected.rev2:  # which may have been enabled meanwhile
                selected.view.add_recent(first, last)


async def take_recent(tx: Tx, mailbox_id: int) -> tuple[int, int]:
    """The first and last UID that were recent to nobody until now. Raises Refused NOT_FOUND."""
    first = await mailbox.take_recent(tx, mailbox_id)
    box = await mailbox.get(tx, mailbox_id)
    return first, (box.uidnext if box else first) - 1
