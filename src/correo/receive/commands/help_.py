"""HELP [command] (RFC 5321 §4.1.1.8)."""

from __future__ import annotations

from correo.receive.commands.row import ANY, Command
from correo.receive.conversation import Conversation
from correo.wire.smtp.answer import Reply, reply


async def run(talk: Conversation, verb: str) -> Reply:
    from correo.receive.commands import COMMANDS  # the table, this row in it

    rows = [row for row in COMMANDS if talk.profile in row.profiles and row.offered(talk)]
    if not verb:
        return reply(
            214, "2.0.0", "Commands: " + " ".join(row.verb for row in rows), "HELP command tells more"
        )
    found = next((row for row in rows if row.verb == verb), None)
    if found is None:
        return reply(504, "5.5.4", "There is no such command")
    return reply(214, "2.0.0", found.help, f"RFC {found.rfc}")


ROW = Command(
    "HELP",
    ANY,
    str.upper,
    run,
    help="HELP [command]: this",
    keywords=lambda talk: ["HELP"],
    idle=True,
)
