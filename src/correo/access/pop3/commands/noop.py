"""NOOP (RFC 1939 §5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from correo.access.pop3.commands.row import LOGGED_IN, Command
from correo.wire.pop3.reply import Ok, Reply

if TYPE_CHECKING:
    from correo.access.pop3.session import Pop3Session


async def run(session: Pop3Session, argument: str) -> Reply:
    return Ok()


ROW = Command("NOOP", LOGGED_IN, run)
