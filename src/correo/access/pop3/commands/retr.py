"""RETR number (RFC 1939 §5): the whole message."""

from __future__ import annotations

from typing import TYPE_CHECKING

from correo import mailbox
from correo.access.pop3.commands.row import LOGGED_IN, Command, number
from correo.wire.pop3.reply import Lines, Reply

if TYPE_CHECKING:
    from correo.access.pop3.session import Pop3Session

INLINE = 256 * 1024  # octets: reading and unpacking more would hold up other sessions, so it goes to a thread


async def run(session: Pop3Session, argument: str) -> Reply:
    drop = session.drop.find(number(argument))
    db = session.services.db
    read = db.read if drop.size <= INLINE else db.scan
    message = await read(mailbox.raw, drop.content_id)
    drop.fetched = True
    return Lines(f"{drop.size} octets", message)


ROW = Command("RETR", LOGGED_IN, run)
