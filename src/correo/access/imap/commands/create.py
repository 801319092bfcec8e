"""CREATE (RFC 3501 §6.3.3); parents that are missing are made too."""

from __future__ import annotations

from typing import TYPE_CHECKING

from correo import mailbox
from correo.access.imap.commands.row import LOGGED_IN, Command
from correo.access.imap.responses import Responses, ok
from correo.wire.imap.grammar import Arguments

if TYPE_CHECKING:
    from correo.access.imap.session import ImapSession


def parse(args: Arguments) -> str:
    name = args.sp().mailbox()
    args.end()
    return name


async def run(session: ImapSession, name: str) -> Responses:
    """A separator at the end only says that there will be mailboxes below."""
    name = name.removesuffix(mailbox.SEPARATOR)
    chance = session.services.chance
    await session.write(1, mailbox.create, session.owner.id, name, chance, session.now())
    yield ok("Created")


ROWS = (Command("CREATE", LOGGED_IN, parse, run),)
