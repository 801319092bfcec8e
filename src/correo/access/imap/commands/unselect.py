"""UNSELECT (RFC 3691): as CLOSE, but nothing is removed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from correo.access.imap.commands.row import SELECTED, Command, always, nothing
from correo.access.imap.responses import Responses, ok

if TYPE_CHECKING:
    from correo.access.imap.session import ImapSession


async def run(session: ImapSession, _: None) -> Responses:
    await session.leave()
    yield ok("Closed, nothing was removed")


ROWS = (Command("UNSELECT", SELECTED, nothing, run, rfc=3691, capability=always("UNSELECT")),)
