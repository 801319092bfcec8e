"""LSUB (RFC 3501 §6.3.9): the names that are subscribed, whether there are such mailboxes or not.

IMAP4rev2 says LIST (SUBSCRIBED) instead.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from correo import mailbox
from correo.access.imap.commands.row import LOGGED_IN, Command
from correo.access.imap.folders import parents
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
    """Where a pattern ends in `%` alone, the levels above subscribed names are told too, as \\Noselect."""
    pattern = listing.reference + listing.pattern
    levels = pattern.endswith("%") and not pattern.rstrip("%").endswith("*")
    matches = compile_pattern(pattern, mailbox.SEPARATOR)
    names = await session.services.db.read(mailbox.subscriptions, session.owner.id)
    above = set(parents(names, mailbox.SEPARATOR)).difference(names) if levels else set()
    utf8 = session.core.utf8
    yield b"".join(
        encode.list_response(
            "LSUB", ["\\Noselect"] if name in above else [], mailbox.SEPARATOR, name, utf8=utf8
        )
        for name in sorted(above.union(names))
        if matches(name)
    )
    yield ok("Listed")


ROWS = (Command("LSUB", LOGGED_IN, parse, run, rev1_only=True),)
