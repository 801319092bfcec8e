"""CAPA (RFC 2449 §5): what this server can do, in the state this session is in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from correo.access.pop3.commands.row import ANY, Command
from correo.mail.instant import SECOND
from correo.wire.pop3.reply import Err, Lines, Reply

if TYPE_CHECKING:
    from correo.access.pop3.session import Pop3Session

# Of the server as a whole rather than of one command: RFC 2449 §6.4, §6.6 to §6.9 and RFC 3206 §6. What a client leaves here stays
# for ever; what happens to messages that it deletes is not for EXPIRE to say (RFC 2449 §6.7).
ALWAYS = ("PIPELINING", "RESP-CODES", "AUTH-RESP-CODE", "EXPIRE NEVER", "IMPLEMENTATION Correo")


async def run(session: Pop3Session, argument: str) -> Reply:
    if argument:
        return Err("CAPA takes no argument")
    lines = [line for command in session.commands for line in command.capability(session)]
    delay = -(-session.services.options.login_delay // SECOND)
    lines += [*ALWAYS[:-1], *([f"LOGIN-DELAY {delay}"] if delay else ()), ALWAYS[-1]]
    return Lines("Capabilities follow", "".join(f"{line}\r\n" for line in lines).encode())


ROW = Command("CAPA", ANY, run, rfc=2449)
