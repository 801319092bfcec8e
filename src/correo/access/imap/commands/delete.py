"""DELETE (RFC 3501 §6.3.4); the mailboxes below it stay."""

from __future__ import annotations

from typing import TYPE_CHECKING

from correo import mailbox
from correo.access.imap import announcing, places
from correo.access.imap.commands.row import LOGGED_IN, Command
from correo.access.imap.namespaces import canonical, foreign
from correo.access.imap.responses import Responses, no, ok
from correo.accounts import Account
from correo.mailbox import INBOX, Mailbox
from correo.storage.db import Tx
from correo.wire.imap.grammar import Arguments

if TYPE_CHECKING:
    from correo.access.imap.session import ImapSession


def parse(args: Arguments) -> str:
    name = args.sp().spelled_mailbox()
    args.end()
    return name


async def run(session: ImapSession, name: str) -> Responses:
    """Other sessions that have it open end (RFC 2180 §3.3); this one is left without a mailbox."""
    if canonical(name) == INBOX:
        yield no("INBOX stays", "CANNOT")  # RFC 5530 §3: that can never succeed
        return
    deleted = await session.write(1, _delete, session.owner, name, session.now())
    session.tell(deleted.account_id)
    if session.selected is not None and session.selected.mailbox_id == deleted.id:
        session.selected = None
    yield announcing.deleted(session, name)
    yield ok("Deleted")


async def _delete(tx: Tx, account: Account, name: str, now: int) -> Mailbox:
    if foreign(name) is None:
        await places.refuse_outbox(tx, account, name)
        return await mailbox.delete(tx, account.id, name, now)
    place = await places.opened(tx, account, name, "x")
    return await mailbox.delete(tx, place.box.account_id, place.box.name, now)


ROWS = (Command("DELETE", LOGGED_IN, parse, run),)
