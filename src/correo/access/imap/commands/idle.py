"""IDLE (RFC 2177): changes are told as they happen, until the client says DONE."""

from __future__ import annotations

from typing import TYPE_CHECKING

from correo.access.imap.commands.row import LOGGED_IN, Command, always, nothing
from correo.access.imap.responses import Continue, Responses, bad, ok

if TYPE_CHECKING:
    from correo.access.imap.session import ImapSession


async def run(session: ImapSession, _: None) -> Responses:
    yield Continue(b"idling", _done, idle=True)


async def _done(line: bytes) -> Responses:
    yield ok("Idle completed") if line.upper() == b"DONE" else bad("DONE was expected")


ROWS = (Command("IDLE", LOGGED_IN, nothing, run, rfc=2177, capability=always("IDLE")),)
