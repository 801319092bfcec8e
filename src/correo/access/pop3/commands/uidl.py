"""UIDL [number] (RFC 1939 §7): names of messages that stay the same for ever."""

from __future__ import annotations

from typing import TYPE_CHECKING

from correo.access.pop3.commands.row import LOGGED_IN, Command, number
from correo.wire.pop3.reply import Lines, Ok, Reply

if TYPE_CHECKING:
    from correo.access.pop3.session import Pop3Session


async def run(session: Pop3Session, argument: str) -> Reply:
    maildrop = session.drop
    if argument:
        wanted = number(argument)
        return Ok(f"{wanted} {maildrop.unique_id(maildrop.find(wanted))}")
    lines = "".join(f"{position} {name}\r\n" for position, name in maildrop.unique_ids())
    return Lines("Unique ids follow", lines.encode())


ROW = Command("UIDL", LOGGED_IN, run, capability=lambda session: ["UIDL"])
