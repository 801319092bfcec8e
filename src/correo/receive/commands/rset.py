"""RSET (RFC 5321 §4.1.1.5): give up the message that was begun."""

from __future__ import annotations

from correo.receive.commands.row import ANY, Command
from correo.receive.conversation import Conversation
from correo.wire.smtp.answer import Reply, reply
from correo.wire.smtp.syntax import parse_nothing


async def run(talk: Conversation, argument: None) -> Reply:
    talk.reset()
    return reply(250, "2.0.0", "Ok")


ROW = Command("RSET", ANY, parse_nothing, run, help="RSET: give up the message begun", idle=True)
