"""CAPA (RFC 2449 §5): what this server can do, in the state this session is in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from correo.access.pop3.commands.row import ANY, Command
from correo.wire.pop3.reply import Err, Lines, Reply

if TYPE_CHECKING:
    from correo.access.pop3.session import Pop3Session

# Of the server as a whole rather than of one command: RFC 2449 §6.4, §6.6, §8 and RFC 3206 §6.
ALWAYS = ("PIPELINING", "RESP-CODES", "AUTH-RESP-CODE", "EXPIRE NEVER", "IMPLEMENTATION Correo")


async def run(session: Pop3Session, argument: str) -> Reply:
    if argument:
        return Err("CAPA takes no argument")
    lines = [line for command in session.commands for line in command.capability(session)]
    return Lines("Capabilities follow", "".join(f"{line}\r\n" for line in (*lines, *ALWAYS)).encode())


ROW = Command("CAPA", ANY, run, rfc=2449)
