"""RSET (RFC 1939 §5): take every mark back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from correo.access.pop3.commands.row import LOGGED_IN, Command
from correo.wire.pop3.reply import Ok, Reply

if TYPE_CHECKING:
    from correo.access.pop3.session import Pop3Session


async def run(session: Pop3Session, argument: str) -> Reply:
    session.drop.deleted.clear()
    return Ok(f"Maildrop has {len(session.drop)} messages")


ROW = Command("RSET", LOGGED_IN, run)
