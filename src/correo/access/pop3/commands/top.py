"""TOP number lines (RFC 1939 §7): the header and the first lines of the body."""

from __future__ import annotations

from typing import TYPE_CHECKING

from correo import mailbox
from correo.access.pop3.commands.retr import whole
from correo.access.pop3.commands.row import LOGGED_IN, Command, number
from correo.mail.message.headers import read_header
from correo.mail.message.surrogate import surrogate
from correo.wire.pop3.reply import Err, Lines, Reply

if TYPE_CHECKING:
    from correo.access.pop3.session import Pop3Session


async def run(session: Pop3Session, argument: str) -> Reply:
    first, _, rest = argument.partition(" ")
    if not rest.isdecimal() or len(rest) > 10:
        return Err("TOP needs a message number and a number of lines")
    drop = session.drop.find(number(first))
    wanted = int(rest)
    if not wanted:
        header = await session.services.db.read(mailbox.header, drop.content_id)
        return Lines("Header follows", header if session.utf8 else surrogate(header))
    message = await whole(session, drop)
    body = read_header(message)[1]
    return Lines("Top of message follows", message[: _end_of_lines(message, body, wanted)])


def _end_of_lines(message: bytes, start: int, count: int) -> int:
    end = start
    for _ in range(count):
        found = message.find(b"\n", end)
        if found < 0:
            return len(message)
        end = found + 1
    return end


ROW = Command("TOP", LOGGED_IN, run, capability=lambda session: ["TOP"])
