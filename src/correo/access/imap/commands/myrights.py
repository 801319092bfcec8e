"""MYRIGHTS (RFC 4314 §3.5): what one may do with a mailbox."""

from __future__ import annotations

from typing import TYPE_CHECKING

from correo.access.imap import places
from correo.access.imap.commands.create import parse
from correo.access.imap.commands.row import LOGGED_IN, Command
from correo.access.imap.replies import REPLIES
from correo.access.imap.responses import Responses, ok
from correo.access.imap.rights import knows
from correo.mail.errors import Kind
from correo.mailbox import format_rights
from correo.wire.imap.acl import myrights_response

if TYPE_CHECKING:
    from correo.access.imap.session import ImapSession


async def run(session: ImapSession, name: str) -> Responses:
    place = await session.services.db.read(places.find, session.owner, name)
    if place is None or not knows(place.rights):
        yield REPLIES[Kind.NOT_FOUND]
        return
    yield myrights_response(name, format_rights(place.rights), utf8=session.core.utf8)
    yield ok("Those are your rights")


ROWS = (Command("MYRIGHTS", LOGGED_IN, parse, run, rfc=4314),)
