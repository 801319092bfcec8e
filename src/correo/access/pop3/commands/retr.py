"""RETR number (RFC 1939 §5): the whole message."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from correo import mailbox
from correo.access.pop3.commands.row import LOGGED_IN, Command, number
from correo.access.pop3.maildrop import Drop
from correo.mail.message.surrogate import surrogate
from correo.wire.pop3.reply import Lines, Reply, stuffed

if TYPE_CHECKING:
    from correo.access.pop3.session import Pop3Session

INLINE = 256 * 1024  # octets: reading and unpacking more would hold up other sessions, so it goes to a thread


async def run(session: Pop3Session, argument: str) -> Reply:
    drop = session.drop.find(number(argument))
    answer = session.ahead.take(drop)
    if answer is None:
        message = await whole(session, drop)
        answer = Lines(f"{len(message)} octets", message)
    session.drop.fetched.add(drop.number)
    session.ahead.prepare_soon()
    return answer


def answer_with(message: bytes, *, utf8: bool) -> Lines:
    """The answer with a message that is not long, ready to be sent."""
    message = message if utf8 else surrogate(message)
    return Lines(f"{len(message)} octets", stuffed(message), ready=True)


async def whole(session: Pop3Session, drop: Drop) -> bytes:
    """The message as this client can read it (RFC 6856 §2.1). Raises Refused."""
    long = drop.size > INLINE
    if long:
        session.hold(drop.size)
        message = await session.services.db.scan(mailbox.raw, drop.content_id)
    else:
        message = await session.ahead.read(session.drop, drop)
    if session.utf8 or message.isascii():
        return message
    return await asyncio.to_thread(surrogate, message) if long else surrogate(message)


ROW = Command("RETR", LOGGED_IN, run)
