"""QUIT (RFC 1939 §6): the UPDATE state. Only here are messages removed, all of them in one transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING

from correo import mailbox
from correo.access.pop3.commands.row import ANY, Command
from correo.access.pop3.maildrop import Maildrop
from correo.clock import Chance
from correo.mail.errors import Refused
from correo.mail.flags import SEEN, Flags
from correo.storage.db import Tx
from correo.wire.pop3.reply import Err, Ok, Reply

if TYPE_CHECKING:
    from correo.access.pop3.session import Pop3Session


async def run(session: Pop3Session, argument: str) -> Reply:
    maildrop = session.maildrop
    if maildrop is None:
        return Ok("Bye", last=True)
    try:
        if maildrop.deleted or maildrop.fetched:
            services = session.services
            keep = services.options.keep_deleted
            await services.db.bulk(update, maildrop, keep, services.chance, services.clock.now())
            session.publish()
    except Refused:
        return Err("Some deleted messages were not removed", "SYS/TEMP", last=True)
    finally:
        session.leave()  # before the answer: who has read it may be back at once, served by another process
    return Ok(f"Bye, {len(maildrop.deleted)} messages deleted", last=True)


async def update(tx: Tx, maildrop: Maildrop, keep: int, chance: Chance, now: int) -> None:
    """Remove what is marked, or put it into the Trash for `keep` µs.

    What was fetched and stays has been seen, as IMAP clients of the same account will show.
    """
    if seen := maildrop.seen():
        await mailbox.store_flags(tx, maildrop.mailbox_id, seen, "add", Flags(SEEN), now)
    gone = maildrop.gone()
    if gone and keep:
        await mailbox.discard(tx, maildrop.mailbox_id, gone, now + keep, chance, now)
    elif gone:
        await mailbox.expunge(tx, maildrop.mailbox_id, gone, now, only_deleted=False)


ROW = Command("QUIT", ANY, run)
