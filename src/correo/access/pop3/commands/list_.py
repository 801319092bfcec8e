"""LIST [number] (RFC 1939 §5): the size of one message, or of each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from correo.access.pop3.commands.row import LOGGED_IN, Command, number
from correo.wire.pop3.reply import Lines, Ok, Reply

if TYPE_CHECKING:
    from correo.access.pop3.session import Pop3Session


async def run(session: Pop3Session, argument: str) -> Reply:
    if argument:
        wanted = number(argument)
        return Ok(f"{wanted} {session.drop.find(wanted).size}")
    lines = "".join(f"{position} {size}\r\n" for position, size in session.drop.sizes())
    return Lines(f"{session.drop.count} messages", lines.encode())


ROW = Command("LIST", LOGGED_IN, run)
