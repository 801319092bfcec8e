"""STAT (RFC 1939 §5): how many messages, how many octets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from correo.access.pop3.commands.row import LOGGED_IN, Command
from correo.wire.pop3.reply import Err, Ok, Reply

if TYPE_CHECKING:
    from correo.access.pop3.session import Pop3Session


async def run(session: Pop3Session, argument: str) -> Reply:
    if argument:
        return Err("STAT takes no argument")
    return Ok(f"{session.drop.count} {session.drop.size}")


ROW = Command("STAT", LOGGED_IN, run)
