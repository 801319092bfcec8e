"""SETMETADATA (RFC 5464 §4.3): note something about a mailbox, or about the server for oneself; all of it or nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from correo import mailbox
from correo.access.imap import places
from correo.access.imap.annotations import PRIVATE, SPECIAL_USE, use_of
from correo.access.imap.commands.row import LOGGED_IN, Command
from correo.access.imap.filters import storable
from correo.access.imap.replies import REPLIES
from correo.access.imap.responses import Completion, Responses, no, ok
from correo.accounts import Account
from correo.mail.errors import Kind, Refused
from correo.mailbox import INBOX, MAX_VALUE, SERVER
from correo.storage.db import Tx
from correo.wire.imap.grammar import Arguments
from correo.wire.imap.metadata import SetMetadata, set_metadata

if TYPE_CHECKING:
    from correo.access.imap.session import ImapSession


def parse(args: Arguments) -> SetMetadata:
    given = set_metadata(args)
    args.end()
    return given


async def run(session: ImapSession, given: SetMetadata) -> Responses:
    if refusal := _refusal(given):
        yield refusal
        return
    act = _note_mailbox if given.mailbox else _note_server
    try:
        done = await session.write(1, act, session.owner, given.mailbox, given.values, session.now())
    except Refused as refused:
        if refused.kind is not Kind.TOO_MANY:
            raise
        yield no("There are too many annotations", "METADATA TOOMANY")
        return
    if done is None:
        yield no("Private annotations are kept for the owner alone", "METADATA NOPRIVATE")
        return
    session.tell(done)
    yield ok("Noted")


def _refusal(given: SetMetadata) -> Completion | None:
    if any(value is not None and len(value) > MAX_VALUE for value in given.values.values()):
        return no("The value is too long", f"METADATA MAXSIZE {MAX_VALUE}")
    if not given.mailbox:
        # All users of the server read these: they are not for one of them to write (RFC 5464 §3.3).
        shared = any(entry.startswith("/shared") for entry in given.values)
        if shared:
            return REPLIES[Kind.NO_PERMISSION]
        whole = all(storable(entry, value) for entry, value in given.values.items())
        return None if whole else no("What is to be a filter is no search", "CANNOT")
    use = use_of(given.values.get(SPECIAL_USE))
    if use is None or (use and mailbox.canonical(given.mailbox) == INBOX):  # RFC 6154 §4
        return no("The mailbox cannot have that special use", "USEATTR")
    return None


async def _note_server(
    tx: Tx, account: Account, name: str, values: Mapping[str, bytes | None], now: int
) -> int:
    await mailbox.annotate(tx, account.id, SERVER, values, now)
    return account.id


async def _note_mailbox(
    tx: Tx, account: Account, name: str, values: Mapping[str, bytes | None], now: int
) -> int | None:
    """The account whose mailbox it is; None for what may not be private. What all see, only those note who may write there."""
    place = await places.opened(tx, account, name, "lw")
    if not place.access.own and any(entry.startswith(PRIVATE) for entry in values):
        return None
    box, account_id = place.box, place.access.account_id
    noted = dict(values)
    if SPECIAL_USE in noted and (use := use_of(noted.pop(SPECIAL_USE))) is not None:
        await mailbox.set_special_use(tx, account_id, box.id, use, now)
    await mailbox.annotate(tx, account_id, box.id, noted, now)
    return account_id


ROWS = (Command("SETMETADATA", LOGGED_IN, parse, run, rfc=5464),)
