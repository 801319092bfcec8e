"""UTF8 (RFC 6856 §2.1): from here on messages are sent as they are, whatever is in their headers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from correo.access.pop3.commands.row import BEFORE_LOGIN, Command
from correo.wire.pop3.reply import Err, Ok, Reply

if TYPE_CHECKING:
    from correo.access.pop3.session import Pop3Session


async def run(session: Pop3Session, argument: str) -> Reply:
    if argument:
        return Err("UTF8 takes no argument")
    session.utf8 = True
    return Ok("UTF-8 from here on")


# USER: names and passwords may be UTF-8 with or without it (RFC 6856 §2.2).
ROW = Command("UTF8", BEFORE_LOGIN, run, rfc=6856, capability=lambda session: ["UTF8 USER"])
