"""UNSUBSCRIBE (RFC 3501 §6.3.7)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from correo import mailbox
from correo.access.imap.commands.create import parse
from correo.access.imap.commands.row import LOGGED_IN, Command
from correo.access.imap.namespaces import canonical
from correo.access.imap.responses import Responses, ok

if TYPE_CHECKING:
    from correo.access.imap.session import ImapSession


async def run(session: ImapSession, name: str) -> Responses:
    await session.write(1, mailbox.unsubscribe, session.owner.id, canonical(name), session.now())
    yield ok("Not subscribed any more")


ROWS = (Command("UNSUBSCRIBE", LOGGED_IN, parse, run),)
