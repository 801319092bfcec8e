"""GETACL (RFC 4314 §3.3): who may do what with a mailbox."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from correo import accounts, mailbox
from correo.access.imap import places
from correo.access.imap.commands.create import parse
from correo.access.imap.commands.row import LOGGED_IN, Command, always
from correo.access.imap.identifiers import described
from correo.access.imap.places import Place
from correo.access.imap.responses import Responses, ok
from correo.accounts import Account
from correo.mail.errors import Kind, Refused
from correo.storage.db import Tx
from correo.wire.imap.acl import acl_response

if TYPE_CHECKING:
    from correo.access.imap.session import ImapSession


class Governed(NamedTuple):
    """A mailbox whose list may be read and changed, and whose it is."""

    place: Place
    owner: Account


async def run(session: ImapSession, name: str) -> Responses:
    entries = await session.services.db.read(_entries, session.owner, name)
    yield acl_response(name, entries, utf8=session.core.utf8)
    yield ok("That is who may do what")


async def _entries(tx: Tx, account: Account, name: str) -> list[tuple[str, str]]:
    found = await governed(tx, account, name)
    return await described(tx, found.owner, await mailbox.acl(tx, found.place.box.id))


async def governed(tx: Tx, account: Account, name: str) -> Governed:
    """For all commands that need the right "a". Raises Refused: NOT_FOUND, NO_PERMISSION."""
    place = await places.opened(tx, account, name, "a")
    owner = account if place.access.own else await accounts.account_by_id(tx, place.access.account_id)
    if owner is None:
        raise Refused(Kind.NOT_FOUND, name)
    return Governed(place, owner)


# RFC 4314 §2.2 has the rights in any order that RFC 2086 did not know.
ROWS = (Command("GETACL", LOGGED_IN, parse, run, rfc=4314, capability=always("ACL", "RIGHTS=kxte")),)
