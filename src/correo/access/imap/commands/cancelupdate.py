"""CANCELUPDATE (RFC 5267 §4.3.5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from correo.access.imap.commands.row import SELECTED, Command
from correo.access.imap.contexts import close_context
from correo.access.imap.responses import Responses, bad, ok
from correo.wire.imap.grammar import Arguments

if TYPE_CHECKING:
    from correo.access.imap.session import ImapSession


def parse(args: Arguments) -> list[str]:
    tags = [args.sp().quoted().decode("utf-8")]
    while not args.at_end():
        tags.append(args.sp().quoted().decode("utf-8"))
    return list(dict.fromkeys(tags))


async def run(session: ImapSession, tags: list[str]) -> Responses:
    selected = session.mailbox
    if not selected.contexts.keys() >= set(tags):
        yield bad("No search of that tag is kept up to date")
        return
    for tag in tags:
        close_context(selected, tag)
    yield ok("No further updates")


ROWS = (Command("CANCELUPDATE", SELECTED, parse, run, rfc=5267),)
