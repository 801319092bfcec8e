"""QUIT (RFC 5321 §4.1.1.10)."""

from __future__ import annotations

from correo.receive.commands.row import ANY, Command
from correo.receive.conversation import Conversation
from correo.wire.smtp.answer import Reply, reply
from correo.wire.smtp.syntax import parse_nothing


async def run(talk: Conversation, argument: None) -> Reply:
    talk.reset()
    return reply(221, "2.0.0", "Bye")


ROW = Command("QUIT", ANY, parse_nothing, run, help="QUIT: end", last=True)
