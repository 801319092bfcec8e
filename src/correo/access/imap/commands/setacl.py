"""SETACL (RFC 4314 §3.1): give somebody rights in a mailbox, or take them away."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from correo import mailbox
from correo.access.imap.commands.getacl import governed
from correo.access.imap.commands.row import LOGGED_IN, Command
from correo.access.imap.identifiers import holder
from correo.access.imap.responses import Completion, Responses, no, ok
from correo.accounts import Account
from correo.mailbox import ALL_RIGHTS, Rights
from correo.storage.bus import RIGHTS
from correo.storage.db import Tx
from correo.wire.imap.acl import Identifier, Modification, set_acl
from correo.wire.imap.grammar import Arguments, SyntaxFault

if TYPE_CHECKING:
    from correo.access.imap.session import ImapSession


class SetAcl(NamedTuple):
    mailbox: str
    identifier: Identifier
    how: Modification
    rights: Rights


def parse(args: Arguments) -> SetAcl:
    given = set_acl(args)
    args.end()
    rights = mailbox.parse_rights(given.letters)
    if rights is None:
        raise SyntaxFault("there is no such right")
    return SetAcl(given.mailbox, given.identifier, given.how, rights)


async def run(session: ImapSession, given: SetAcl) -> Responses:
    done = await session.write(1, change, session.owner, given, session.now())
    if isinstance(done, Completion):
        yield done
        return
    session.tell(done)
    session.services.bus.publish(RIGHTS)
    yield ok("Set")


async def change(tx: Tx, account: Account, given: SetAcl, now: int) -> int | Completion:
    """The account whose mailbox it is, or why nothing was changed."""
    found = await governed(tx, account, given.mailbox)
    who = await holder(tx, found.owner, given.identifier.name)
    if who is None:
        return NO_SUCH
    if who.account_id == found.owner.id:
        return ALWAYS_ALL if _lessens(given) else found.owner.id
    negative = given.identifier.negative
    box = found.place.box
    await mailbox.set_rights(tx, box.id, who.account_id, who.domain, negative, given.how, given.rights, now)
    return found.owner.id


def _lessens(given: SetAcl) -> bool:
    """Whether an owner would have fewer rights than all."""
    if given.identifier.negative:
        return given.how != "remove" and bool(given.rights)
    return (
        given.rights != ALL_RIGHTS if given.how == "replace" else given.how == "remove" and bool(given.rights)
    )


NO_SUCH = no("There is no such user")
ALWAYS_ALL = no("An owner has all rights, always", "CANNOT")

ROWS = (Command("SETACL", LOGGED_IN, parse, run, rfc=4314),)
