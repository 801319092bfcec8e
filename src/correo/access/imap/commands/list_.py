"""LIST (RFC 3501 §6.3.8) with the attributes of CHILDREN (RFC 3348) and SPECIAL-USE (RFC 6154), and its extended form (RFC 5258),
which tells numbers (RFC 5819), annotations (RFC 9590) and rights (RFC 8440) too."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from correo import mailbox
from correo.access.imap import condstore, places
from correo.access.imap.annotations import of_mailbox
from correo.access.imap.choosing import Chosen, choose
from correo.access.imap.commands.row import LOGGED_IN, Command, always
from correo.access.imap.folders import tree
from correo.access.imap.items.status import values
from correo.access.imap.patterns import compile_pattern, compile_patterns
from correo.access.imap.places import Place
from correo.access.imap.responses import Responses, ok
from correo.access.imap.rights import annotates
from correo.storage.db import Tx
from correo.wire.imap import encode
from correo.wire.imap.acl import myrights_response
from correo.wire.imap.grammar import Arguments
from correo.wire.imap.listing import Listing, Returned, listing
from correo.wire.imap.metadata import Depth, picked, response
from correo.wire.imap.status import StatusItem

if TYPE_CHECKING:
    from correo.access.imap.options import ImapOptions
    from correo.access.imap.session import ImapSession

SLICE = 100  # names that are answered in one go when each is asked for more than itself: about a millisecond


def parse(args: Arguments) -> Listing:
    asked = listing(args)
    args.end()
    return asked


def run(session: ImapSession, asked: Listing) -> Responses:
    return _extended(session, asked) if asked.extended else _plain(session, asked)


async def _plain(session: ImapSession, asked: Listing) -> Responses:
    (pattern,) = asked.patterns
    if not pattern:  # the separator is asked for, and the root of the reference
        yield encode.list_response("LIST", ["\\Noselect"], mailbox.SEPARATOR, "")
        yield ok("Listed")
        return
    matches = compile_pattern(asked.reference + pattern, mailbox.SEPARATOR)
    known = await session.services.db.read(places.listed, session.owner)
    utf8 = session.core.utf8
    yield b"".join(
        encode.list_response("LIST", folder.attributes, mailbox.SEPARATOR, folder.name, utf8=utf8)
        for folder in tree(known, mailbox.SEPARATOR)
        if matches(folder.name)
    )
    yield ok("Listed")


async def _extended(session: ImapSession, asked: Listing) -> Responses:
    """Others get their turn between slices (RFC 5819 §5)."""
    db, owner, utf8 = session.services.db, session.owner, session.core.utf8
    if asked.returned.status:
        await session.unsent.look(session)
    known = await db.read(places.listed, owner)
    subscribed = await db.read(mailbox.subscriptions, owner.id) if asked.returned.subscribed else []
    if StatusItem.HIGHESTMODSEQ in asked.returned.status:
        yield condstore.enabling(session)
    chosen = list(choose(asked, known, subscribed, _any_of(asked), mailbox.SEPARATOR))
    for start in range(0, len(chosen), SLICE):
        part = chosen[start : start + SLICE]
        wanted = [_asked_for(name) for name in part]
        more = await db.read(_details, wanted, asked.returned, session.services.options, utf8)
        yield b"".join(_response(asked, name, utf8) + told for name, told in zip(part, more, strict=True))
        await asyncio.sleep(0)
    yield ok("Listed")


def _any_of(asked: Listing) -> Callable[[str], bool]:
    """An empty pattern matches nothing (RFC 5258 §3)."""
    patterns = (asked.reference + pattern for pattern in dict.fromkeys(asked.patterns) if pattern)
    return compile_patterns(patterns, mailbox.SEPARATOR)


def _asked_for(name: Chosen[Place]) -> Place | None:
    """RFC 5819 §3: nothing of a mailbox that is told for the sake of those below it."""
    return name.box if name.met else None


async def _details(
    tx: Tx, known: Sequence[Place | None], returned: Returned, options: ImapOptions, utf8: bool
) -> list[bytes]:
    """What follows the LIST response of each."""
    told: list[bytes] = []
    for place in known:
        more = b""
        if place and returned.status and "r" in place.rights:  # RFC 5819 §2: nothing of what cannot be told
            numbers = await values(tx, place.box, returned.status, options, place.reader)
            more += encode.status_response(place.name, numbers, utf8=utf8)
        if place and returned.metadata and annotates(place.rights):
            noted = picked(await of_mailbox(tx, place), returned.metadata, Depth.ITSELF)
            more += response(place.name, noted, utf8=utf8)
        if place and returned.myrights:
            more += myrights_response(place.name, mailbox.format_rights(place.rights), utf8=utf8)
        told.append(more)
    return told


def _response(asked: Listing, name: Chosen[Place], utf8: bool) -> bytes:
    extended: tuple[bytes, ...] = ()
    if name.below:  # RFC 5258 §3.5
        criteria = encode.parens(encode.quote(criterion.value) for criterion in asked.criteria)
        extended = (encode.quote("CHILDINFO") + b" " + criteria,)
    return encode.list_response(
        "LIST", name.attributes, mailbox.SEPARATOR, name.name, extended=extended, utf8=utf8
    )


ROWS = (
    Command(
        "LIST",
        LOGGED_IN,
        parse,
        run,
        capability=always(
            "CHILDREN", "SPECIAL-USE", "LIST-EXTENDED", "LIST-STATUS", "LIST-METADATA", "LIST-MYRIGHTS"
        ),
    ),
)
