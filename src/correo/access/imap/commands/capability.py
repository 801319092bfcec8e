"""CAPABILITY (RFC 3501 §6.1.1): what this server can do, in the state this session is in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from correo.access.imap.commands.row import ANY, Command, nothing
from correo.access.imap.responses import Responses, ok
from correo.wire.imap import encode

if TYPE_CHECKING:
    from correo.access.imap.session import ImapSession


async def run(session: ImapSession, _: None) -> Responses:
    yield encode.capability(session.capabilities())
    yield ok("That is what there is")


ROWS = (Command("CAPABILITY", ANY, nothing, run),)
