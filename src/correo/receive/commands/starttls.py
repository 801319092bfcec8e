"""STARTTLS (RFC 3207): encrypt, and forget what was said before."""

from __future__ import annotations

from correo.receive.commands.row import ANY, Command
from correo.receive.conversation import Conversation
from correo.wire.smtp.answer import Reply, reply
from correo.wire.smtp.syntax import parse_nothing


async def run(talk: Conversation, argument: None) -> Reply:
    if talk.tls is not None:
        return reply(503, "5.5.1", "TLS is active already")
    talk.forget()
    return reply(220, "2.0.0", "Ready to start TLS")


ROW = Command(
    "STARTTLS",
    ANY,
    parse_nothing,
    run,
    help="STARTTLS: encrypt this connection",
    rfc=3207,
    keywords=lambda talk: ["STARTTLS"] if talk.may_start_tls else [],
    offered=lambda talk: talk.options.starttls,
    last=True,
)
