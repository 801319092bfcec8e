"""LOGIN user password (RFC 3501 §6.2.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from correo.access.imap.commands.row import BEFORE_LOGIN, Command
from correo.access.imap.responses import Responses, no, ok
from correo.accounts.login import Denied
from correo.mail.errors import Kind, Refused
from correo.wire.imap.grammar import Arguments

if TYPE_CHECKING:
    from correo.access.imap.session import ImapSession


class Login(NamedTuple):
    user: bytes
    password: bytes


def parse(args: Arguments) -> Login:
    login = Login(args.sp().astring(), args.sp().astring())
    args.end()
    return login


async def run(session: ImapSession, login: Login) -> Responses:
    if not session.may_send_password:
        if session.services.logins.passwords_need_tls(session.channel):
            yield no("Start TLS first, so that nobody else hears the password", "PRIVACYREQUIRED")
        else:
            yield no("Passwords are not taken here", "CANNOT")
        return
    user = login.user.decode("utf-8", "replace")
    try:
        account = await session.services.logins.password(user, login.password.decode("utf-8"), session.client)
    except UnicodeDecodeError:
        yield session.denied(Denied(Kind.BAD_CREDENTIALS, "the password is not UTF-8", user))
    except Refused as refused:
        yield session.denied(Denied(refused.kind, refused.detail, user))
    else:
        session.log_in(account)
        yield ok("Logged in", session.capability_code())


def capability(session: ImapSession) -> list[str]:
    return ["LOGINDISABLED"] if session.account is None and not session.may_send_password else []


ROWS = (Command("LOGIN", BEFORE_LOGIN, parse, run, capability=capability),)
