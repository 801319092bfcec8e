"""STATUS (RFC 3501 §6.3.10): numbers of a mailbox that is not open."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from correo import mailbox
from correo.access.imap.commands.row import LOGGED_IN, Command
from correo.access.imap.items.status import STATUS_ITEMS
from correo.access.imap.replies import REPLIES
from correo.access.imap.responses import Responses, ok
from correo.mail.errors import Kind
from correo.storage.db import Tx
from correo.wire.imap import encode
from correo.wire.imap.grammar import Arguments
from correo.wire.imap.status import StatusItem, status_items

if TYPE_CHECKING:
    from correo.access.imap.session import ImapSession


class Wanted(NamedTuple):
    name: str
    items: tuple[StatusItem, ...]


def parse(args: Arguments) -> Wanted:
    wanted = Wanted(args.sp().mailbox(), status_items(args.sp()))
    args.end()
    return wanted


async def run(session: ImapSession, wanted: Wanted) -> Responses:
    values = await session.services.db.read(look, session.owner.id, wanted)
    if values is None:
        yield REPLIES[Kind.NOT_FOUND]
    else:
        yield encode.status_response(wanted.name, values)
        yield ok("That is its status")


async def look(tx: Tx, account_id: int, wanted: Wanted) -> dict[str, int] | None:
    box = await mailbox.find(tx, account_id, wanted.name)
    if box is None:
        return None
    return {item.value: await STATUS_ITEMS[item](tx, box) for item in wanted.items}


ROWS = (Command("STATUS", LOGGED_IN, parse, run),)
