"""HELO host (RFC 5321 §4.1.1.1): who the client is, for clients of before 1993."""

from __future__ import annotations

from correo.receive.commands.row import ANY, Command
from correo.receive.conversation import Conversation
from correo.receive.options import SMTP
from correo.wire.smtp.answer import Reply, reply
from correo.wire.smtp.syntax import parse_host


async def run(talk: Conversation, host: str) -> Reply:
    talk.reset()
    talk.helo, talk.extended = host, False
    return reply(250, "", talk.options.hostname)


ROW = Command(
    "HELO",
    ANY,
    parse_host,
    run,
    help="HELO host: greet, without extensions",
    profiles=SMTP,
    idle=True,
    last=True,
)
