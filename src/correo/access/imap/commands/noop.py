"""NOOP (RFC 3501 §6.1.2): nothing, and thereby a point where changes are told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from correo.access.imap.commands.row import ANY, Command, nothing
from correo.access.imap.responses import Responses, ok

if TYPE_CHECKING:
    from correo.access.imap.session import ImapSession


async def run(session: ImapSession, _: None) -> Responses:
    yield ok("Nothing done")


ROWS = (Command("NOOP", ANY, nothing, run),)
