"""LIST (RFC 3501 §6.3.8) with the attributes of CHILDREN (RFC 3348) and SPECIAL-USE (RFC 6154)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from correo import mailbox
from correo.access.imap.commands.row import LOGGED_IN, Command, always
from correo.access.imap.folders import tree
from correo.access.imap.patterns import compile_pattern
from correo.access.imap.responses import Responses, ok
from correo.wire.imap import encode
from correo.wire.imap.grammar import Arguments

if TYPE_CHECKING:
    from correo.access.imap.session import ImapSession


class Listing(NamedTuple):
    reference: str
    pattern: str


def parse(args: Arguments) -> Listing:
    listing = Listing(args.sp().mailbox(), args.sp().list_mailbox())
    args.end()
    return listing


async def run(session: ImapSession, listing: Listing) -> Responses:
    if not listing.pattern:  # the separator is asked for, and the root of the reference
        yield encode.list_response("LIST", ["\\Noselect"], mailbox.SEPARATOR, "")
        yield ok("Listed")
        return
    matches = compile_pattern(listing.reference + listing.pattern, mailbox.SEPARATOR)
    boxes = await session.services.db.read(mailbox.list_mailboxes, session.owner.id)
    yield b"".join(
        encode.list_response("LIST", folder.attributes, mailbox.SEPARATOR, folder.name)
        for folder in tree(boxes, mailbox.SEPARATOR)
        if matches(folder.name)
    )
    yield ok("Listed")


ROWS = (Command("LIST", LOGGED_IN, parse, run, capability=always("CHILDREN", "SPECIAL-USE")),)
