"""CLOSE (RFC 3501 §6.4.2): what is \\Deleted goes without a word, and no mailbox is open."""

from __future__ import annotations

from typing import TYPE_CHECKING

from correo import mailbox
from correo.access.imap.commands.row import SELECTED, Command, nothing
from correo.access.imap.responses import Responses, ok
from correo.mail.errors import Kind, Refused

if TYPE_CHECKING:
    from correo.access.imap.session import ImapSession


async def run(session: ImapSession, _: None) -> Responses:
    selected = session.mailbox
    if not selected.read_only:
        try:
            await session.write(len(selected.view), mailbox.expunge, selected.mailbox_id, None, session.now())
        except Refused as refused:
            if refused.kind is not Kind.NOT_FOUND:  # the mailbox has gone: it is closed all the same
                raise
    session.selected = None
    yield ok("Closed")


ROWS = (Command("CLOSE", SELECTED, nothing, run),)
