"""LOGOUT (RFC 3501 §6.1.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from correo.access.imap.commands.row import ANY, Command, nothing
from correo.access.imap.responses import Completion, Responses, Status
from correo.wire.imap import encode

if TYPE_CHECKING:
    from correo.access.imap.session import ImapSession


async def run(session: ImapSession, _: None) -> Responses:
    await session.leave()
    yield encode.bye("Logging out")
    yield Completion(Status.OK, "Logged out", last=True)


ROWS = (Command("LOGOUT", ANY, nothing, run),)
