"""The Outbox as a session sees to it: there under the name that the operator gave it, and up to date whenever somebody looks.

Nobody fills it when mail is sent or settled. A command that opens it or asks for numbers brings it up to date first; while it is
open, or watched by NOTIFY, so does every stir of the account's queue.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog

from correo import mailbox
from correo.access.imap.progress import MANY
from correo.delivery import outbox
from correo.ledger import show_id
from correo.mail.errors import Refused
from correo.mail.instant import MINUTE
from correo.mailbox import canonical
from correo.storage.bus import account as account_topic

if TYPE_CHECKING:
    from collections.abc import Sequence

    from correo.access.imap.rights import Access
    from correo.access.imap.session import ImapSession

log = structlog.get_logger("imap")

# A destination that rests puts off what waits for it without a word to its senders: so their next attempts are looked at anew.
STALE_AFTER = MINUTE
# Seconds from one look to the next where nobody asks, for each recipient that was looked at: a thousand take some 10 ms of a thread,
# and a mailing that is being sent changes a hundred times a second.
PACE = 50e-6
LONGEST_PAUSE = 2.0  # seconds


class Unsent:
    """What one session knows of its Outbox."""

    def __init__(self) -> None:
        self.stirred = True  # since the last look
        self._open = False
        self._looked = 0  # when
        self._many = 0  # recipients at the last look, where they were too many to be read in passing
        self._pause: asyncio.TimerHandle | None = None  # until it is over, nobody looks who has not asked

    async def open(self, session: ImapSession) -> None:
        """Once from each login on: there is an Outbox of the right name, or none."""
        if self._open or session.account is None:
            return
        services, account_id = session.services, session.owner.id
        name = services.options.outbox
        try:
            box = await services.db.read(mailbox.outbox, account_id)
            if (box.name if box else "") != name:
                await services.db.write(mailbox.open_outbox, account_id, name, services.chance, session.now())
        except Refused as refused:
            session.log_refused(refused)  # with the Outbox that is there: the command has other things to do
        self._open = True

    async def look(self, session: ImapSession, name: str | None = None) -> None:
        """Bring it up to date, for a command that looks at the mailbox `name`, or at several."""
        wanted = session.services.options.outbox
        if wanted and (name is None or canonical(name) == wanted):
            await self._bring(session)

    async def keep(self, session: ImapSession) -> None:
        """The same for one that is open or watched, where something may have changed."""
        if not session.services.options.outbox or not self._is_seen(session):
            return
        if not self.stirred and session.now() - self._looked < STALE_AFTER:
            return
        asks = not session.idling and session.watch is None
        if not asks and self._pause is not None:
            return
        await self._bring(session)
        if not asks and self._many and self._pause is None:
            seconds = min(self._many * PACE, LONGEST_PAUSE)
            self._pause = asyncio.get_running_loop().call_later(seconds, self._rested, session)

    def _rested(self, session: ImapSession) -> None:
        self._pause = None
        if self.stirred:
            session.wake()

    def end(self) -> None:
        """Nobody looks any more."""
        if self._pause is not None:
            self._pause.cancel()

    def _is_seen(self, session: ImapSession) -> bool:
        if session.watch is not None and session.watch.filter.all:
            return True
        return session.selected is not None and session.selected.access.outbox

    async def _bring(self, session: ImapSession) -> None:
        self.stirred, self._looked = False, session.now()
        try:
            await self._bring_all(session)
        except Refused as refused:
            session.log_refused(refused)  # a full disk must not keep anybody from reading what is there

    async def _bring_all(self, session: ImapSession) -> None:
        services, account_id = session.services, session.owner.id
        found = await services.db.read(outbox.differing, account_id)
        self._many = 0
        if isinstance(found, int):
            self._many = found
            found = await services.db.scan(outbox.differing_of_many, account_id)
        for start in range(0, len(found), outbox.LOT):
            lot = found[start : start + outbox.LOT]
            await services.db.write(outbox.bring, account_id, lot, services.chance, session.now())
        if found:
            services.bus.publish(account_topic(mailbox.outbox_of(account_id)))


def effort(access: Access, count: int) -> int:
    """Of how many messages `ImapSession.write` is told where so many are removed or copied: one of an Outbox can have any number of
    recipients, and each of them ends by itself."""
    return MANY + 1 if access.outbox else count


def log_cancelled(session: ImapSession, ids: Sequence[int]) -> None:
    """What left the queue is in the log, whoever took it out; after the commit."""
    for id in ids:
        log.info("cancelled", message=show_id(id), account=session.owner.address)
