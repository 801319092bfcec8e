"""GETQUOTAROOT (RFC 9208 §4.1.2): which quota holds for a mailbox, whether there is one of that name or not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from correo import mailbox
from correo.access.imap.commands.create import parse
from correo.access.imap.commands.row import LOGGED_IN, Command
from correo.access.imap.quotas import limits
from correo.access.imap.responses import Responses, ok
from correo.wire.imap.quota import quota_response, quotaroot_response

if TYPE_CHECKING:
    from correo.access.imap.session import ImapSession


async def run(session: ImapSession, name: str) -> Responses:
    owner = session.owner
    found = limits(await session.services.db.read(mailbox.quota, owner.id))
    roots = [owner.address] if found else []
    yield quotaroot_response(name, roots, utf8=session.core.utf8)
    if found:
        yield quota_response(owner.address, found)
    yield ok("That is the quota")


ROWS = (Command("GETQUOTAROOT", LOGGED_IN, parse, run, rfc=9208),)
