"""EHLO host (RFC 5321 §4.1.1.1): who the client is, and what we can."""

from __future__ import annotations

from correo.receive.commands.row import ANY, Command
from correo.receive.conversation import Conversation
from correo.receive.options import SMTP
from correo.wire.smtp.answer import Reply
from correo.wire.smtp.syntax import parse_host


async def run(talk: Conversation, host: str) -> Reply:
    from correo.receive.commands import COMMANDS  # the table, this row in it

    talk.reset()  # RFC 5321 §4.1.4: EHLO in the midst of a transaction ends it
    talk.helo, talk.extended = host, True
    rows = (row for row in COMMANDS if talk.profile in row.profiles)
    keywords = [keyword for row in rows for keyword in row.keywords(talk)]
    return Reply(250, "", (talk.options.hostname, *keywords))


def keywords(talk: Conversation) -> list[str]:
    return ["PIPELINING", "ENHANCEDSTATUSCODES"]  # RFC 2920, RFC 2034: of all commands rather than of one


ROW = Command(
    "EHLO",
    ANY,
    parse_host,
    run,
    help="EHLO host: greet, and learn what this server can",
    profiles=SMTP,
    keywords=keywords,
    idle=True,
    last=True,
)
