"""USER name (RFC 1939 §7): the first half of a login; never says whether the name exists."""

from __future__ import annotations

from typing import TYPE_CHECKING

from correo.access.pop3.commands.row import BEFORE_LOGIN, Command
from correo.wire.pop3.reply import Err, Ok, Reply

if TYPE_CHECKING:
    from correo.access.pop3.session import Pop3Session


async def run(session: Pop3Session, argument: str) -> Reply:
    if not session.may_send_password:
        wait = session.services.logins.passwords_need_tls(session.channel)
        return Err("Start TLS first (STLS)" if wait else "Passwords are not taken here", "SYS/PERM")
    if not argument.strip():
        return Err("USER needs a name")
    session.user = argument.strip()
    return Ok("Send PASS")


def capability(session: Pop3Session) -> list[str]:
    return ["USER"] if session.may_send_password else []


ROW = Command("USER", BEFORE_LOGIN, run, capability=capability)
