"""AUTH mechanism [initial-response] (RFC 5034): SASL."""

from __future__ import annotations

import binascii
from base64 import b64decode
from typing import TYPE_CHECKING

from correo.access.pop3.commands.row import BEFORE_LOGIN, Command
from correo.wire.pop3.reply import Err, Lines, Reply

if TYPE_CHECKING:
    from correo.access.pop3.session import Pop3Session


def mechanisms(session: Pop3Session) -> tuple[str, ...]:
    return session.services.logins.offered(session.channel)


async def run(session: Pop3Session, argument: str) -> Reply:
    name, _, initial = argument.partition(" ")
    offered = mechanisms(session)
    if not argument.strip():  # clients of old ask so what there is
        return Lines("Mechanisms follow", "".join(f"{row}\r\n" for row in offered).encode())
    if name.upper() not in offered:
        return Err("Mechanism not available", "AUTH" if session.may_send_password else "SYS/PERM")
    try:
        # RFC 5034 §4: "=" is an initial response of no octets.
        response = None if not initial else b"" if initial == "=" else b64decode(initial, validate=True)
    except (binascii.Error, ValueError):
        return Err("Malformed initial response")
    return await session.authenticated(await session.authentication().begin(name.upper(), response))


def capability(session: Pop3Session) -> list[str]:
    offered = mechanisms(session)
    return ["SASL " + " ".join(offered)] if offered else []


ROW = Command("AUTH", BEFORE_LOGIN, run, rfc=5034, capability=capability)
