"""NOOP [anything] (RFC 5321 §4.1.1.9): nothing, with an answer."""

from __future__ import annotations

from correo.receive.commands.row import ANY, Command
from correo.receive.conversation import Conversation
from correo.wire.smtp.answer import Reply, reply


def parse(argument: str) -> None:
    """Whatever it is, it is ignored."""


async def run(talk: Conversation, argument: None) -> Reply:
    return reply(250, "2.0.0", "Ok")


ROW = Command("NOOP", ANY, parse, run, help="NOOP: do nothing", idle=True, last=True)
