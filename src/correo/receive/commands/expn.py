"""EXPN alias (RFC 5321 §3.5): to whom an alias leads, for people who logged in, where the operator allows it."""

from __future__ import annotations

from correo import accounts
from correo.accounts import LocalTarget, NoSuchUser, NotLocal
from correo.mail.address import Address, BadAddress
from correo.receive.commands.row import ANY, Command
from correo.receive.conversation import Conversation
from correo.receive.options import SUBMISSION
from correo.wire.smtp.answer import Reply, reply
from correo.wire.smtp.syntax import BadSyntax

MAX_NAMED = 1_000  # addresses in one answer; longer lists are nothing to read in an answer to a command


def parse(argument: str) -> Address:
    try:
        return Address.parse(argument.removeprefix("<").removesuffix(">"))
    except BadAddress as bad:
        raise BadSyntax(501, "5.1.3", f"Bad address: {bad}") from None


async def run(talk: Conversation, alias: Address) -> Reply:
    if talk.account is None:
        return reply(530, "5.7.0", "Log in first")
    match await talk.services.db.read(accounts.resolve, alias):
        case NotLocal():
            return reply(252, "2.0.0", "Not an address of ours; send, and it will be tried")
        case NoSuchUser():
            return reply(550, "5.1.1", "No such user here")
        case found if len(found.recipients) > MAX_NAMED:
            return reply(252, "2.1.5", f"It leads to {len(found.recipients)} addresses, too many to name")
        case found:
            names = (
                target.account.spelling if isinstance(target, LocalTarget) else str(target.address)
                for target in found.recipients
            )
            # An answer is ASCII where nobody asked for more (RFC 6531 §3.7.4.2), and EXPN cannot ask here.
            return reply(
                250, "2.1.5", *(f"<{name}>" if name.isascii() else "(beyond ASCII)" for name in names)
            )


ROW = Command(
    "EXPN",
    ANY,
    parse,
    run,
    help="EXPN alias: to whom it leads",
    profiles=SUBMISSION,
    keywords=lambda talk: ["EXPN"] if talk.options.expn and talk.account else [],
    offered=lambda talk: talk.options.expn,
    idle=True,
    last=True,
)
