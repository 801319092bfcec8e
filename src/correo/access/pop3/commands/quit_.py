"""QUIT (RFC 1939 §6): the UPDATE state. Only here are messages removed, all of them in one transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING

from correo import mailbox
from correo.access.pop3.commands.row import ANY, Command
from correo.access.pop3.maildrop import Maildrop
from correo.mail.errors import Refused
from correo.mail.flags import SEEN, Flags
from correo.mailbox import ranges
from correo.storage.db import Tx
from correo.wire.pop3.reply import Err, Ok, Reply

if TYPE_CHECKING:
    from correo.access.pop3.session import Pop3Session


async def run(session: Pop3Session, argument: str) -> Reply:
    maildrop = session.maildrop
    if maildrop is None:
        return Ok("Bye", last=True)
    gone = [drop.uid for drop in maildrop.drops if drop.deleted]
    if gone or any(drop.fetched for drop in maildrop.drops):
        try:
            await session.services.db.bulk(update, maildrop, session.services.clock.now())
        except Refused:
            return Err("Some deleted messages were not removed", "SYS/TEMP", last=True)
        session.publish()
    return Ok(f"Bye, {len(gone)} messages deleted", last=True)


async def update(tx: Tx, maildrop: Maildrop, now: int) -> None:
    """Remove what is marked; what was fetched and stays has been seen, as IMAP clients of the same account will show."""
    gone = ranges.of([drop.uid for drop in maildrop.drops if drop.deleted])
    seen = ranges.of([drop.uid for drop in maildrop.drops if drop.fetched and not drop.deleted])
    if seen:
        await mailbox.store_flags(tx, maildrop.mailbox_id, seen, "add", Flags(SEEN), now)
    if gone:
        await mailbox.expunge(tx, maildrop.mailbox_id, gone, now, only_deleted=False)


ROW = Command("QUIT", ANY, run)
