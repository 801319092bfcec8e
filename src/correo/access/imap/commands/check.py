"""CHECK (RFC 3501 §6.4.1): what a checkpoint would do, every commit does. IMAP4rev2 says NOOP instead."""

from __future__ import annotations

from typing import TYPE_CHECKING

from correo.access.imap.commands.row import SELECTED, Command, nothing
from correo.access.imap.responses import Responses, ok

if TYPE_CHECKING:
    from correo.access.imap.session import ImapSession


async def run(session: ImapSession, _: None) -> Responses:
    yield ok("Everything is on disk")


ROWS = (Command("CHECK", SELECTED, nothing, run, rev1_only=True),)
