"""STLS (RFC 2595 §4): TLS from here on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from correo.access.pop3.commands.row import BEFORE_LOGIN, Command
from correo.wire.pop3.reply import BeginTls, Err, Reply

if TYPE_CHECKING:
    from correo.access.pop3.session import Pop3Session


async def run(session: Pop3Session, argument: str) -> Reply:
    if argument:
        return Err("STLS takes no argument")
    if not session.may_start_tls:
        return Err("TLS is active already" if session.tls else "TLS is not available here")
    if session.utf8:
        return Err("STLS comes before UTF8")  # RFC 6856 §2.1
    return BeginTls()


def capability(session: Pop3Session) -> list[str]:
    return ["STLS"] if session.may_start_tls and session.account is None else []


ROW = Command("STLS", BEFORE_LOGIN, run, rfc=2595, capability=capability)
