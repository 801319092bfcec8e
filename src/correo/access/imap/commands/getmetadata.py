"""GETMETADATA (RFC 5464 §4.2): what was noted about a mailbox, or about the server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from correo.access.imap import places
from correo.access.imap.annotations import of_mailbox, of_server
from correo.access.imap.commands.row import LOGGED_IN, Command, always
from correo.access.imap.responses import Responses, ok
from correo.access.imap.rights import annotates
from correo.accounts import Account
from correo.mail.errors import Kind, Refused
from correo.storage.db import Tx
from correo.wire.imap.grammar import Arguments
from correo.wire.imap.metadata import GetMetadata, get_metadata, picked, response

if TYPE_CHECKING:
    from correo.access.imap.session import ImapSession


def parse(args: Arguments) -> GetMetadata:
    asked = get_metadata(args)
    args.end()
    return asked


async def run(session: ImapSession, asked: GetMetadata) -> Responses:
    held = await session.services.db.read(look, session.owner, asked.mailbox)
    found = picked(held, asked.entries, asked.depth)
    most = asked.maxsize
    long = [len(value) for value in found.values() if value and most is not None and len(value) > most]
    told = {name: value for name, value in found.items() if not value or most is None or len(value) <= most}
    if told:
        yield response(asked.mailbox, told, utf8=session.core.utf8)
    yield ok("That was noted", f"METADATA LONGENTRIES {max(long)}" if long else "")  # RFC 5464 §4.2.1


async def look(tx: Tx, account: Account, name: str) -> dict[str, bytes]:
    """Raises Refused: NOT_FOUND, NO_PERMISSION (RFC 5464 §3.3)."""
    if not name:
        return await of_server(tx, account.id)
    place = await places.opened(tx, account, name, "l")
    if not annotates(place.rights):
        raise Refused(Kind.NO_PERMISSION, name)
    return await of_mailbox(tx, place)


ROWS = (Command("GETMETADATA", LOGGED_IN, parse, run, rfc=5464, capability=always("METADATA")),)
