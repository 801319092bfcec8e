"""AUTHENTICATE mechanism [initial-response] (RFC 3501 §6.2.2, RFC 4959): SASL."""

from __future__ import annotations

import binascii
from base64 import b64decode, b64encode
from typing import TYPE_CHECKING, NamedTuple

from correo.access.imap.commands.row import BEFORE_LOGIN, Command
from correo.access.imap.responses import Continue, Response, Responses, bad, no, ok
from correo.accounts.login import Authentication, Challenge, Denied, LoggedIn
from correo.wire.imap.grammar import Arguments, SyntaxFault

if TYPE_CHECKING:
    from correo.access.imap.session import ImapSession


class Authenticate(NamedTuple):
    mechanism: str
    initial: bytes | None


def parse(args: Arguments) -> Authenticate:
    mechanism = args.sp().atom().upper()
    initial = None
    if not args.at_end():
        initial = _decoded(args.sp().astring())  # "=" alone is a response of no octets (RFC 4959 §3)
        if initial is None:
            raise SyntaxFault("the initial response is not base64")
    args.end()
    return Authenticate(mechanism, initial)


async def run(session: ImapSession, wanted: Authenticate) -> Responses:
    if wanted.mechanism not in offered(session):
        if session.services.logins.offered_under_tls(wanted.mechanism, session.channel):
            yield no("Start TLS first, so that nobody else hears the password", "PRIVACYREQUIRED")
        else:
            yield no("There is no such mechanism", "CANNOT")
        return
    authentication = session.services.logins.authentication(session.channel, session.client)
    yield _answer(session, authentication, await authentication.begin(wanted.mechanism, wanted.initial))


def _answer(
    session: ImapSession, authentication: Authentication, step: Challenge | LoggedIn | Denied
) -> Response:
    match step:
        case Challenge(data=data):

            def then(line: bytes) -> Responses:
                return _respond(session, authentication, line)

            return Continue(b64encode(data), then)
        case LoggedIn(account=account):
            session.log_in(account)
            return ok("Logged in", session.capability_code())
        case Denied():
            return session.denied(step)


async def _respond(session: ImapSession, authentication: Authentication, line: bytes) -> Responses:
    data = None if line == b"*" else _decoded(line)
    if data is None:
        await authentication.respond(None)
        yield bad("Authentication cancelled" if line == b"*" else "The response is not base64")
    else:
        yield _answer(session, authentication, await authentication.respond(data))


def _decoded(line: bytes) -> bytes | None:
    if line == b"=":
        return b""
    try:
        return b64decode(line, validate=True)
    except binascii.Error:
        return None


def offered(session: ImapSession) -> tuple[str, ...]:
    return session.services.logins.offered(session.channel)


def capability(session: ImapSession) -> list[str]:
    words = [] if session.account else [f"AUTH={name}" for name in offered(session)]
    return [*words, "SASL-IR"]


ROWS = (Command("AUTHENTICATE", BEFORE_LOGIN, parse, run, capability=capability),)
