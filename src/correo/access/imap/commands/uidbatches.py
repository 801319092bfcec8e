"""UIDBATCHES (RFC 10022): UIDs that part a mailbox into batches, for a client that does not want to deal with it as a whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

from correo.access.imap.batches import LEAST, Request, batches, may_ask
from correo.access.imap.commands.row import SELECTED, Command, always
from correo.access.imap.responses import Responses, no, ok
from correo.wire.imap import encode
from correo.wire.imap.grammar import Arguments, SyntaxFault

if TYPE_CHECKING:
    from correo.access.imap.session import ImapSession


def parse(args: Arguments) -> Request:
    """`nz-number [SP nz-number ":" nz-number]`."""
    size = args.sp().nz_number()
    if args.at_end():
        return Request(size)
    first = args.sp().nz_number()
    args.expect(b":")
    last = args.nz_number()
    args.end()
    if first > last:
        raise SyntaxFault("batches are counted upwards", code="CLIENTBUG")
    return Request(size, first, last)


async def run(session: ImapSession, request: Request) -> Responses:
    """It costs a look at one UID in each batch, so there is no number of messages that would be too many."""
    selected = session.mailbox
    least = min(LEAST, session.services.options.message_limit or LEAST)
    if request.size < least:
        yield no(f"A batch has {least} messages at least", "TOOFEW")
        return
    if not may_ask(selected.batches, selected.view.uids, request):
        yield no("That was answered, and not much has changed", "LIMIT")
        return
    ranges = ",".join(f"{high}:{low}" for high, low in batches(selected.view.uids, request))
    words = [b'UIDBATCHES (TAG "%b")' % session.tag.encode("ascii")]
    yield encode.untagged(*words, *([ranges.encode("ascii")] if ranges else []))
    yield ok("Parted")


ROWS = (Command("UIDBATCHES", SELECTED, parse, run, rfc=10022, capability=always("UIDBATCHES")),)
