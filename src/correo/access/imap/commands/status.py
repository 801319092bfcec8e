"""STATUS (RFC 3501 §6.3.10): numbers of a mailbox that is not open."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from correo.access.imap import condstore, places
from correo.access.imap.commands.row import LOGGED_IN, Command, always
from correo.access.imap.items.status import values
from correo.access.imap.responses import Responses, ok
from correo.accounts import Account
from correo.storage.db import Tx
from correo.wire.imap import encode
from correo.wire.imap.grammar import Arguments
from correo.wire.imap.status import StatusItem, status_items

if TYPE_CHECKING:
    from correo.access.imap.options import ImapOptions
    from correo.access.imap.session import ImapSession


class Wanted(NamedTuple):
    name: str
    items: tuple[StatusItem, ...]


def parse(args: Arguments) -> Wanted:
    wanted = Wanted(args.sp().mailbox(), status_items(args.sp()))
    args.end()
    return wanted


async def run(session: ImapSession, wanted: Wanted) -> Responses:
    await session.unsent.look(session, wanted.name)
    found = await session.services.db.read(look, session.owner, wanted, session.services.options)
    if StatusItem.HIGHESTMODSEQ in wanted.items:
        yield condstore.enabling(session)
    yield encode.status_response(wanted.name, found, utf8=session.core.utf8)
    yield ok("That is its status")


async def look(tx: Tx, account: Account, wanted: Wanted, options: ImapOptions) -> dict[str, int | str]:
    place = await places.opened(tx, account, wanted.name, "r")
    return await values(tx, place.box, wanted.items, options, place.reader)


ROWS = (Command("STATUS", LOGGED_IN, parse, run, capability=always("STATUS=SIZE")),)
