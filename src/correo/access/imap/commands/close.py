"""CLOSE (RFC 3501 §6.4.2): what is \\Deleted goes without a word, and no mailbox is open."""

from __future__ import annotations

from typing import TYPE_CHECKING

from correo.access.imap.commands.expunge import everything
from correo.access.imap.commands.row import SELECTED, Command, nothing
from correo.access.imap.replies import UNDER_WAY
from correo.access.imap.responses import Responses, ok
from correo.mail.errors import Kind, Refused
from correo.wire.imap import encode

if TYPE_CHECKING:
    from correo.access.imap.session import ImapSession


async def run(session: ImapSession, _: None) -> Responses:
    selected = session.mailbox
    if not selected.read_only:
        try:
            if await everything(session):
                # CLOSE itself does not fail (RFC 3501 §6.4.2).
                yield encode.no(encode.UNTAGGED, UNDER_WAY.text, UNDER_WAY.code)
        except Refused as refused:
            # The mailbox has gone, or nothing may be expunged (RFC 4314 §4): it is closed all the same.
            if refused.kind not in (Kind.NOT_FOUND, Kind.NO_PERMISSION):
                raise
    await session.leave()
    yield ok("Closed")


ROWS = (Command("CLOSE", SELECTED, nothing, run),)
