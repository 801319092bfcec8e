"""STARTTLS (RFC 3501 §6.2.1): TLS from here on; what was sent ahead in clear is thrown away."""

from __future__ import annotations

from typing import TYPE_CHECKING

from correo.access.imap.commands.row import BEFORE_LOGIN, Command, nothing
from correo.access.imap.responses import BeginTls, Responses, bad

if TYPE_CHECKING:
    from correo.access.imap.session import ImapSession


async def run(session: ImapSession, _: None) -> Responses:
    if session.may_start_tls:
        yield BeginTls()
    else:
        yield bad("TLS is active already" if session.tls else "TLS is not available here")


def capability(session: ImapSession) -> list[str]:
    return ["STARTTLS"] if session.may_start_tls else []


ROWS = (Command("STARTTLS", BEFORE_LOGIN, nothing, run, capability=capability),)
