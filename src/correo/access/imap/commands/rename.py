"""RENAME (RFC 3501 §6.3.5), with all mailboxes below; of INBOX the messages move."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from correo import mailbox
from correo.access.imap.commands.row import LOGGED_IN, Command
from correo.access.imap.responses import Responses, ok
from correo.wire.imap.grammar import Arguments

if TYPE_CHECKING:
    from correo.access.imap.session import ImapSession


class Rename(NamedTuple):
    old: str
    new: str


def parse(args: Arguments) -> Rename:
    rename = Rename(args.sp().mailbox(), args.sp().mailbox())
    args.end()
    return rename


async def run(session: ImapSession, rename: Rename) -> Responses:
    """Sessions that have one of them open keep it."""
    owner, chance = session.owner.id, session.services.chance
    await session.write(1, mailbox.rename, owner, rename.old, rename.new, chance, session.now())
    yield ok("Renamed")


ROWS = (Command("RENAME", LOGGED_IN, parse, run),)
