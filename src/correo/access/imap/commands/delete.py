"""DELETE (RFC 3501 §6.3.4); the mailboxes below it stay."""

from __future__ import annotations

from typing import TYPE_CHECKING

from correo import mailbox
from correo.access.imap.commands.create import parse
from correo.access.imap.commands.row import LOGGED_IN, Command
from correo.access.imap.responses import Responses, ok

if TYPE_CHECKING:
    from correo.access.imap.session import ImapSession


async def run(session: ImapSession, name: str) -> Responses:
    """Other sessions that have it open end (RFC 2180 §3.3); this one is left without a mailbox."""
    deleted = await session.write(1, mailbox.delete, session.owner.id, name, session.now())
    if session.selected is not None and session.selected.mailbox_id == deleted.id:
        session.selected = None
    yield ok("Deleted")


ROWS = (Command("DELETE", LOGGED_IN, parse, run),)
