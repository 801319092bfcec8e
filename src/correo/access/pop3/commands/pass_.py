"""PASS password (RFC 1939 §7): all of the rest of the line is the password, spaces too."""

from __future__ import annotations

from typing import TYPE_CHECKING

from correo.access.pop3.commands.row import BEFORE_LOGIN, Command
from correo.accounts.login import Denied
from correo.mail.errors import Refused
from correo.wire.pop3.reply import Err, Reply

if TYPE_CHECKING:
    from correo.access.pop3.session import Pop3Session


async def run(session: Pop3Session, argument: str) -> Reply:
    if not session.user:
        return Err("Send USER first")
    login, session.user = session.user, ""
    try:
        account = await session.services.logins.password(login, argument, session.client)
    except Refused as refused:
        return session.denied(Denied(refused.kind, refused.detail, login))
    return await session.log_in(account)


ROW = Command("PASS", BEFORE_LOGIN, run)
