"""DELE number (RFC 1939 §5): mark for deletion at QUIT."""

from __future__ import annotations

from typing import TYPE_CHECKING

from correo.access.pop3.commands.row import LOGGED_IN, Command, number
from correo.wire.pop3.reply import Ok, Reply

if TYPE_CHECKING:
    from correo.access.pop3.session import Pop3Session


async def run(session: Pop3Session, argument: str) -> Reply:
    session.drop.deleted.add(session.drop.find(number(argument)).number)
    return Ok("Marked for deletion")


ROW = Command("DELE", LOGGED_IN, run)
