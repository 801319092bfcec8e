"""UNAUTHENTICATE (RFC 8437): another user on the same connection, without a new TLS handshake."""

from __future__ import annotations

from typing import TYPE_CHECKING

from correo.access.imap.commands.row import LOGGED_IN, Command, nothing
from correo.access.imap.responses import Completion, Responses, Status, ok
from correo.wire.imap import encode

if TYPE_CHECKING:
    from correo.access.imap.session import ImapSession


async def run(session: ImapSession, _: None) -> Responses:
    """Nothing is expunged, and NO is no answer (RFC 8437 §3).

    Compression would have to end with this command (RFC 8437 §4.1), but what the client sends behind it cannot be told from
    what is packed: then the connection ends, which RFC 8437 §3 allows.
    """
    await session.leave()
    session.log_out()
    if session.core.compressing:
        yield encode.bye("Compression ends with the connection")
        yield Completion(Status.OK, "Nobody is logged in", last=True)
        return
    yield ok("Nobody is logged in", session.capability_code())


def capability(session: ImapSession) -> list[str]:
    """After login, when there is something to undo (RFC 8437 §3), and where nothing hinders it."""
    return [] if session.account is None or session.core.compressing else ["UNAUTHENTICATE"]


ROWS = (Command("UNAUTHENTICATE", LOGGED_IN, nothing, run, rfc=8437, capability=capability),)
