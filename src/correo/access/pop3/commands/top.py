"""TOP number lines (RFC 1939 §7): the header and the first lines of the body."""

from __future__ import annotations

from typing import TYPE_CHECKING

from correo import mailbox
from correo.access.pop3.commands.retr import INLINE
from correo.access.pop3.commands.row import LOGGED_IN, Command, number
from correo.wire.pop3.reply import Err, Lines, Reply

if TYPE_CHECKING:
    from correo.access.pop3.session import Pop3Session


async def run(session: Pop3Session, argument: str) -> Reply:
    first, _, rest = argument.partition(" ")
    if not rest.isdecimal() or len(rest) > 10:
        return Err("TOP needs a message number and a number of lines")
    drop = session.drop.find(number(first))
    db = session.services.db
    wanted = int(rest)
    if not wanted:
        return Lines("Header follows", await db.read(mailbox.header, drop.content_id))
    read = db.read if drop.size <= INLINE else db.scan
    message = await read(mailbox.raw, drop.content_id)
    header = await db.read(mailbox.header, drop.content_id)
    return Lines("Top of message follows", header + _first_lines(message[len(header) :], wanted))


def _first_lines(body: bytes, count: int) -> bytes:
    end = 0
    for _ in range(count):
        found = body.find(b"\n", end)
        if found < 0:
            return body
        end = found + 1
    return body[:end]


ROW = Command("TOP", LOGGED_IN, run, capability=lambda session: ["TOP"])
