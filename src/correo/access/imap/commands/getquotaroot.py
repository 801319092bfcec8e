"""GETQUOTAROOT (RFC 9208 §4.1.2): which quota holds for a mailbox; of one's own, whether there is one of that name or not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from correo import accounts, mailbox
from correo.access.imap import places
from correo.access.imap.commands.create import parse
from correo.access.imap.commands.row import LOGGED_IN, Command
from correo.access.imap.namespaces import foreign
from correo.access.imap.quotas import limits
from correo.access.imap.responses import Responses, ok
from correo.accounts import Account
from correo.mail.errors import Kind, Refused
from correo.storage.db import Tx
from correo.wire.imap.quota import Limit, quota_response, quotaroot_response

if TYPE_CHECKING:
    from correo.access.imap.session import ImapSession


async def run(session: ImapSession, name: str) -> Responses:
    address, found = await session.services.db.read(_look, session.owner, name)
    roots = [address] if found else []
    yield quotaroot_response(name, roots, utf8=session.core.utf8)
    if found:
        yield quota_response(address, found)
    yield ok("That is the quota")


async def _look(tx: Tx, account: Account, name: str) -> tuple[str, list[Limit]]:
    """RFC 9208 §6: what tells how many messages there are needs the right "r"."""
    if await places.outbox(tx, account, name):
        return account.address, []  # what waits counts against nothing
    owner: Account | None = account
    if foreign(name) is not None:
        place = await places.opened(tx, account, name, "r")
        owner = await accounts.account_by_id(tx, place.access.account_id)
    if owner is None:
        raise Refused(Kind.NOT_FOUND, name)
    return owner.address, limits(await mailbox.quota(tx, owner.id))


ROWS = (Command("GETQUOTAROOT", LOGGED_IN, parse, run, rfc=9208),)
