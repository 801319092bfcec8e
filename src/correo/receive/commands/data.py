"""DATA (RFC 5321 §4.1.1.4): the message itself follows; `receive.incoming` takes it from there."""

from __future__ import annotations

from correo.mail.envelope import BINARY
from correo.receive.commands.row import Command
from correo.receive.conversation import Conversation, Stage
from correo.wire.smtp.answer import Reply, reply
from correo.wire.smtp.syntax import parse_nothing


async def run(talk: Conversation, argument: None) -> Reply:
    if talk.open.body == BINARY:
        return reply(503, "5.5.1", "BINARYMIME needs BDAT")  # RFC 3030 §3
    return reply(354, "", "Send the message, then a line with a dot alone")


ROW = Command(
    "DATA",
    frozenset({Stage.RECIPIENTS}),
    parse_nothing,
    run,
    help="DATA: send the message",
    last=True,
)
