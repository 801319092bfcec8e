"""VRFY address (RFC 5321 §3.5.3): never says who has a mailbox here; RCPT will (RFC 5321 §7.3)."""

from __future__ import annotations

from correo.receive.commands.row import ANY, Command
from correo.receive.conversation import Conversation
from correo.wire.smtp.answer import Reply, reply
from correo.wire.smtp.syntax import BadSyntax


def parse(argument: str) -> str:
    if not argument:
        raise BadSyntax(501, "5.5.4", "Give an address")
    return argument


async def run(talk: Conversation, address: str) -> Reply:
    return reply(252, "2.0.0", "Not verified; send, and it will be tried")


ROW = Command("VRFY", ANY, parse, run, help="VRFY address: not told here", idle=True, last=True)
