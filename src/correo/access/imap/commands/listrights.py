"""LISTRIGHTS (RFC 4314 §3.4): which rights somebody can be given in a mailbox."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from correo.access.imap.commands.getacl import governed
from correo.access.imap.commands.row import LOGGED_IN, Command
from correo.access.imap.commands.setacl import NO_SUCH
from correo.access.imap.identifiers import holder
from correo.access.imap.responses import Responses, ok
from correo.accounts import Account
from correo.mailbox import ALL_RIGHTS, format_rights
from correo.storage.db import Tx
from correo.wire.imap.acl import Identifier, identifier, listrights_response
from correo.wire.imap.grammar import Arguments

if TYPE_CHECKING:
    from correo.access.imap.session import ImapSession


class Asked(NamedTuple):
    mailbox: str
    identifier: Identifier


class Grantable(NamedTuple):
    required: str
    optional: tuple[str, ...]


# No right is tied to another, so what RFC 2086 called "c" and "d" stands by itself (RFC 4314 §2.1.1).
_ANY = Grantable("", tuple(format_rights(ALL_RIGHTS)))
_OWNER = Grantable(format_rights(ALL_RIGHTS), ())
_AGAINST_OWNER = Grantable("", ())


def parse(args: Arguments) -> Asked:
    asked = Asked(args.sp().mailbox(), identifier(args.sp()))
    args.end()
    return asked


async def run(session: ImapSession, asked: Asked) -> Responses:
    found = await session.services.db.read(_grantable, session.owner, asked)
    if found is None:
        yield NO_SUCH
        return
    utf8, text = session.core.utf8, asked.identifier.text
    yield listrights_response(asked.mailbox, text, found.required, found.optional, utf8=utf8)
    yield ok("Those can be given")


async def _grantable(tx: Tx, account: Account, asked: Asked) -> Grantable | None:
    found = await governed(tx, account, asked.mailbox)
    who = await holder(tx, found.owner, asked.identifier.name)
    if who is None:
        return None
    if who.account_id == found.owner.id:
        return _AGAINST_OWNER if asked.identifier.negative else _OWNER
    return _ANY


ROWS = (Command("LISTRIGHTS", LOGGED_IN, parse, run, rfc=4314),)
