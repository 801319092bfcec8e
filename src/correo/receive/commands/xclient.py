"""XCLIENT attribute=value ... (Postfix's XCLIENT_README): a server in front says for whom it speaks. Only for those the operator has listed."""

from __future__ import annotations

import structlog

from correo import accounts
from correo.mail.address import Address, BadAddress
from correo.net import Peer
from correo.receive.commands.row import Command
from correo.receive.conversation import Conversation, Stage
from correo.receive.options import Profile
from correo.wire.smtp.answer import Reply, reply
from correo.wire.smtp.xclient import ATTRIBUTES, Client, parse_xclient

log = structlog.get_logger("smtp")

# Within a transaction what was checked would no longer be true of the client.
BETWEEN = frozenset({Stage.CONNECTED, Stage.GREETED})


async def run(talk: Conversation, client: Client) -> Reply:
    account = None
    if client.login is not None:
        account = await _account(talk, client.login)
        if account is None:
            return reply(501, "5.5.4", "No such login here")
    talk.forget()
    address = talk.peer.address if client.address is None else client.address
    talk.peer = Peer(address, talk.peer.port if client.port is None else client.port)
    if account is not None:
        talk.log_in(account)
    talk.failed_logins = talk.errors = talk.idle_commands = 0
    talk.user = ""  # a process of this machine may be the front of anybody
    log.info(
        "speaks for", front=talk.front.address, address=address, account=account.address if account else ""
    )
    # As a new connection begins, and so must the client (RFC 5321 §3.1).
    protocol = "LMTP" if talk.profile is Profile.LMTP else "ESMTP"
    return reply(220, "", f"{talk.options.hostname} {protocol} Correo")


async def _account(talk: Conversation, login: str) -> accounts.Account | None:
    """Who was let in in front. Where mail for others comes in, nobody is let in (RFC 5321 §7.1)."""
    if talk.profile is not Profile.SUBMISSION:
        return None
    try:
        folded = Address.parse(login).folded
    except BadAddress:
        return None
    account = await talk.services.db.read(accounts.get_account, folded)
    return account if account and account.enabled and not account.shared else None


def _offered(talk: Conversation) -> bool:
    return talk.front.address in talk.options.xclient_from


ROW = Command(
    "XCLIENT",
    BETWEEN,
    parse_xclient,
    run,
    help="XCLIENT attribute=value ...: for whom a server in front speaks",
    keywords=lambda talk: [f"XCLIENT {' '.join(ATTRIBUTES)}"] if _offered(talk) else [],
    offered=_offered,
    idle=True,
    last=True,
)
