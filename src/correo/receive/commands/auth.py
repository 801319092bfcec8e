"""AUTH mechanism [initial-response] (RFC 4954): SASL."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass, field
from typing import assert_never

import structlog

from correo.accounts import Challenge, Client, Denied, LoggedIn, log_denied
from correo.receive.commands.row import GREETED, Command
from correo.receive.conversation import Conversation
from correo.receive.options import SUBMISSION
from correo.receive.replies import AUTH_STATUSES
from correo.wire.smtp.answer import Reply, reply
from correo.wire.smtp.server import AuthResponse
from correo.wire.smtp.syntax import BadSyntax, decode_initial_response

log = structlog.get_logger("smtp")


@dataclass(frozen=True, slots=True)
class Auth:
    mechanism: str  # in upper case
    initial: bytes | None = field(repr=False)  # None where there was none


def parse(argument: str) -> Auth:
    mechanism, _, text = argument.partition(" ")
    if not mechanism:
        raise BadSyntax(501, "5.5.4", "Name a mechanism")
    text = text.strip()
    initial = decode_initial_response(text) if text else None
    if text and initial is None:
        raise BadSyntax(501, "5.5.2", "The initial response is not base64")
    return Auth(mechanism.upper(), initial)


async def run(talk: Conversation, asked: Auth) -> Reply:
    if talk.account is not None:
        return reply(503, "5.5.1", "You are logged in already")
    if not talk.extended:
        return reply(503, "5.5.1", "Say EHLO first")
    if talk.failed_logins >= talk.limits.failed_logins:
        return reply(421, "4.7.0", "Too many failed logins")
    logins = talk.services.logins
    if logins.offered_under_tls(asked.mechanism, talk.channel):
        return reply(538, "5.7.11", "This mechanism needs TLS; use STARTTLS")  # RFC 4954 §6
    talk.authentication = logins.authentication(talk.channel, Client("smtp", talk.answerable))
    return _answer(talk, await talk.authentication.begin(asked.mechanism, asked.initial))


async def respond(talk: Conversation, event: AuthResponse) -> Reply:
    """A further line of the exchange that `run` began."""
    assert talk.authentication is not None
    if event.data is None:
        talk.authentication = None
        if event.cancelled:
            return reply(501, "5.7.0", "Authentication cancelled")
        return reply(501, "5.5.2", "That is not base64")
    return _answer(talk, await talk.authentication.respond(event.data))


def _answer(talk: Conversation, step: Challenge | LoggedIn | Denied) -> Reply:
    match step:
        case Challenge(data):
            return reply(334, "", b64encode(data).decode())
        case LoggedIn(account):
            talk.authentication = None
            talk.log_in(account)
            address, tls = talk.peer.address, str(talk.tls or "")
            log.info("login", account=account.address, address=address, tls=tls)
            return reply(235, "2.7.0", "Authentication successful")
        case Denied():
            talk.authentication = None
            if log_denied(step, "smtp", talk.peer.address):
                talk.failed_logins += 1
            return Reply.of(AUTH_STATUSES[step.said])
    assert_never(step)


def _offered(talk: Conversation) -> tuple[str, ...]:
    return talk.services.logins.offered(talk.channel)


def keywords(talk: Conversation) -> list[str]:
    offered = () if talk.account else _offered(talk)
    return [f"AUTH {' '.join(offered)}"] if offered else []


ROW = Command(
    "AUTH",
    GREETED,
    parse,
    run,
    help="AUTH mechanism [initial-response]: log in",
    rfc=4954,
    profiles=SUBMISSION,
    keywords=keywords,
    idle=True,
    last=True,
)
