"""NAMESPACE (RFC 2342): one's own mailboxes, those of other users, and those of shared accounts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from correo import mailbox
from correo.access.imap.commands.row import LOGGED_IN, Command, always, nothing
from correo.access.imap.namespaces import OTHERS, SHARED
from correo.access.imap.responses import Responses, ok
from correo.wire.imap import encode

if TYPE_CHECKING:
    from correo.access.imap.session import ImapSession


def _namespace(prefix: str) -> bytes:
    return encode.parens([encode.parens((encode.quote(prefix), encode.quote(mailbox.SEPARATOR)))])


_ALL = (_namespace(""), _namespace(OTHERS + mailbox.SEPARATOR), _namespace(SHARED + mailbox.SEPARATOR))


async def run(session: ImapSession, _: None) -> Responses:
    yield encode.untagged(b"NAMESPACE", *_ALL)
    yield ok("That is where mailboxes are")


ROWS = (Command("NAMESPACE", LOGGED_IN, nothing, run, rfc=2342, capability=always("NAMESPACE")),)
