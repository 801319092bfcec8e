"""CREATE (RFC 3501 §6.3.3), for a special use where that is said (RFC 6154 §3); parents that are missing are made too."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from correo import mailbox
from correo.access.imap import places
from correo.access.imap.annotations import USES
from correo.access.imap.announcing import respelled
from correo.access.imap.commands.row import LOGGED_IN, Command, always
from correo.access.imap.objectid import mailboxid
from correo.access.imap.responses import Responses, no, ok
from correo.accounts import Account
from correo.clock import Chance
from correo.mail.errors import Kind, Refused
from correo.mailbox import Mailbox
from correo.storage.db import Tx
from correo.wire.imap.grammar import Arguments, SyntaxFault

if TYPE_CHECKING:
    from correo.access.imap.session import ImapSession


class Create(NamedTuple):
    name: str
    uses: tuple[str, ...]


def parse(args: Arguments) -> str:
    """For the commands that take a name and nothing else."""
    name = args.sp().mailbox()
    args.end()
    return name


def parse_create(args: Arguments) -> Create:
    """RFC 4466 §2.2 and RFC 6154 §6."""
    name = args.sp().spelled_mailbox()
    uses: list[str] = []
    if not args.at_end():
        for found in args.sp().paren_list(_parameter):
            uses += found
        args.end()
    return Create(name, tuple(dict.fromkeys(use.lower() for use in uses)))


def _parameter(args: Arguments) -> list[str]:
    if not args.take_word("USE"):
        raise SyntaxFault("there is no such parameter")
    return args.sp().paren_list(_use, least=0)


def _use(args: Arguments) -> str:
    if not args.peek(b"\\"):
        raise SyntaxFault("a special use begins with a backslash")
    return args.flag()


async def run(session: ImapSession, create: Create) -> Responses:
    """A separator at the end only says that there will be mailboxes below."""
    if len(create.uses) > 1 or not USES.keys() >= set(create.uses):
        yield no("A mailbox has one special use at most, and not every use is served", "USEATTR")
        return
    name = create.name.removesuffix(mailbox.SEPARATOR)
    chance, use = session.services.chance, "".join(USES[use] for use in create.uses)
    made = await session.write(1, _create, session.owner, name, chance, session.now(), use)
    session.tell(made.account_id)
    yield await respelled(session, name)
    yield ok("Created", f"MAILBOXID {mailboxid(made.id)}")  # RFC 8474 §4.1


async def _create(tx: Tx, account: Account, name: str, chance: Chance, now: int, use: str) -> Mailbox:
    """In which mailbox another keeps his sent mail is not for visitors to say."""
    site = await places.site(tx, account, name)
    if use and site.account_id != account.id:
        raise Refused(Kind.NO_PERMISSION, "a special use for a mailbox of another account")
    return await mailbox.create(tx, site.account_id, site.name, chance, now, use)


ROWS = (Command("CREATE", LOGGED_IN, parse_create, run, capability=always("CREATE-SPECIAL-USE")),)
