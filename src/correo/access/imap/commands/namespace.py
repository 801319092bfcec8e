"""NAMESPACE (RFC 2342): everybody has his own mailboxes and sees no others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from correo import mailbox
from correo.access.imap.commands.row import LOGGED_IN, Command, always, nothing
from correo.access.imap.responses import Responses, ok
from correo.wire.imap import encode

if TYPE_CHECKING:
    from correo.access.imap.session import ImapSession

_PERSONAL = encode.parens([encode.parens((encode.quote(""), encode.quote(mailbox.SEPARATOR)))])


async def run(session: ImapSession, _: None) -> Responses:
    yield encode.untagged(b"NAMESPACE", _PERSONAL, encode.NIL, encode.NIL)
    yield ok("That is where mailboxes are")


ROWS = (Command("NAMESPACE", LOGGED_IN, nothing, run, rfc=2342, capability=always("NAMESPACE")),)
