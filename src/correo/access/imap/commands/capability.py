"""CAPABILITY (RFC 3501 §6.1.1): what this server can do, in the state this session is in."""

from __future__ import annotations

from correo.access.imap.commands.row import ANY, Command, nothing
from correo.access.imap.responses import Responses, ok
from correo.access.imap.session import ImapSession
from correo.wire.imap import encode


async def run(session: ImapSession, _: None) -> Responses:
    yield encode.capability(session.capabilities())
    yield ok("That is what there is")


ROWS = (Command("CAPABILITY", ANY, nothing, run),)
