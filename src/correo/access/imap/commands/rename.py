"""RENAME (RFC 3501 §6.3.5), with all mailboxes below; of INBOX the messages move."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from correo import mailbox
from correo.access.imap import places
from correo.access.imap.announcing import respelled
from correo.access.imap.commands.row import LOGGED_IN, Command
from correo.access.imap.namespaces import foreign
from correo.access.imap.responses import Responses, ok
from correo.accounts import Account
from correo.clock import Chance
from correo.mail.errors import Kind, Refused
from correo.mailbox import INBOX
from correo.storage.db import Tx
from correo.wire.imap.grammar import Arguments

if TYPE_CHECKING:
    from correo.access.imap.session import ImapSession


class Rename(NamedTuple):
    old: str
    new: str


def parse(args: Arguments) -> Rename:
    rename = Rename(args.sp().spelled_mailbox(), args.sp().spelled_mailbox())
    args.end()
    return rename


async def run(session: ImapSession, rename: Rename) -> Responses:
    """Sessions that have one of them open keep it."""
    chance = session.services.chance
    account_id = await session.write(1, _rename, session.owner, rename, chance, session.now())
    session.tell(account_id)
    yield await respelled(session, rename.new, old=rename.old)
    yield ok("Renamed")


async def _rename(tx: Tx, account: Account, rename: Rename, chance: Chance, now: int) -> int:
    """The account whose mailboxes they are. RFC 4314 §4: it needs "x" in the old one, and "k" above the new one."""
    owner, old = account.id, rename.old
    if foreign(old) is None:
        await places.refuse_outbox(tx, account, old)
    else:
        place = await places.opened(tx, account, old, "x")
        owner, old = place.access.account_id, place.box.name
        if not place.access.own and old == INBOX:
            raise Refused(Kind.NO_PERMISSION, "to empty the INBOX of somebody else")
    site = await places.site(tx, account, rename.new)
    if site.account_id != owner:
        raise Refused(Kind.BAD_NAME, "a mailbox does not change hands")
    await mailbox.rename(tx, owner, old, site.name, chance, now)
    return owner


ROWS = (Command("RENAME", LOGGED_IN, parse, run),)
