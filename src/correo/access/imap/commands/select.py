"""SELECT (RFC 3501 §6.3.1): open a mailbox, and tell a client that was away what it missed (RFC 7162 §3.2.5)."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from contextlib import aclosing
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from correo import mailbox
from correo.access.imap import announcing, condstore, places, rights, sync
from correo.access.imap.commands.row import LOGGED_IN, Command, always
from correo.access.imap.objectid import mailboxid
from correo.access.imap.places import Place
from correo.access.imap.progress import MANY
from correo.access.imap.responses import Responses, bad, ok
from correo.access.imap.resync import missed
from correo.access.imap.selected import Selected
from correo.accounts import Account
from correo.mailbox import Changes, Mailbox
from correo.storage.db import Tx
from correo.wire.imap import encode
from correo.wire.imap.grammar import Arguments
from correo.wire.imap.modifiers import modifiers
from correo.wire.imap.resync import Resync, resync

if TYPE_CHECKING:
    from correo.access.imap.session import ImapSession


class Select(NamedTuple):
    name: str
    condstore: bool = False
    known: Resync | None = None


class Opened(NamedTuple):
    place: Place
    uids: list[int]
    unseen: int  # number of the first message without \Seen, 0 for none
    missed: Changes | None  # since the mod-sequence that QRESYNC gave


def parse(args: Arguments) -> Select:
    name = args.sp().spelled_mailbox()
    found: dict[str, Resync | None] = {}
    if args.take(b" "):
        found = modifiers(args, PARAMETERS)
    args.end()
    return Select(name, "CONDSTORE" in found, found.get("QRESYNC"))


async def run(session: ImapSession, select: Select, *, read_only: bool) -> Responses:
    known = select.known
    if known is not None and condstore.QRESYNC not in session.enabled:
        yield bad("Enable QRESYNC first")
        return
    if session.selected is not None:
        await session.leave()  # also if this fails (RFC 3501 §6.3.1)
        yield encode.ok(encode.UNTAGGED, "The mailbox before is closed", "CLOSED")
    if select.condstore:
        condstore.enabling(session)
    await session.unsent.look(session, select.name)
    opened = await session.services.db.read(open_if_small, session.owner, select.name, known)
    if isinstance(opened, int):
        opened = await session.read(opened, open_mailbox, session.owner, select.name, known)
    box, held = opened.place.box, opened.place.rights
    selected = Selected.of(
        opened.place.access, box, opened.uids, read_only=read_only, enabled=session.enabled, rights=held
    )
    counts = await sync.counts(session.services.db, selected, box)
    session.selected = selected
    told = [selected.announced.lines(), counts]
    if opened.unseen and not (selected.rev2 or selected.uid_only):
        told.append(encode.ok(encode.UNTAGGED, "The first that is unseen", f"UNSEEN {opened.unseen}"))
    told.append(encode.ok(encode.UNTAGGED, "UIDs are valid", f"UIDVALIDITY {box.uidvalidity}"))
    told.append(encode.ok(encode.UNTAGGED, "The next UID, foretold", f"UIDNEXT {box.uidnext}"))
    # RFC 8474 §4.2
    told.append(encode.ok(encode.UNTAGGED, "Its name may change", f"MAILBOXID {mailboxid(box.id)}"))
    told.append(await announcing.opened(session, opened.place.name, select.name))
    told.append(condstore.told(box.modseq))
    yield b"".join(told)
    if known is not None and opened.missed is not None:
        async with aclosing(missed(session, known, opened.missed)) as pieces:
            async for piece in pieces:
                yield piece
    writes = not read_only and rights.writes(held)
    yield ok("Examined" if read_only else "Selected", "READ-WRITE" if writes else "READ-ONLY")


def _cost(box: Mailbox, known: Resync | None) -> int:
    """Messages and changes that are looked at, about."""
    return box.messages + (max(0, box.modseq - known.modseq) if known else 0)


async def open_if_small(tx: Tx, account: Account, name: str, known: Resync | None = None) -> Opened | int:
    """As `open_mailbox`; or what that would cost, where it is too much for the event loop."""
    place = await places.opened(tx, account, name, "r")
    cost = _cost(place.box, known)
    return await _opened(tx, place, known) if cost <= MANY else cost


async def open_mailbox(tx: Tx, account: Account, name: str, known: Resync | None = None) -> Opened:
    """All that SELECT tells, of one moment. Raises Refused: NOT_FOUND, NO_PERMISSION."""
    return await _opened(tx, await places.opened(tx, account, name, "r"), known)


async def _opened(tx: Tx, place: Place, known: Resync | None) -> Opened:
    box, reader = place.box, place.reader
    uids = await mailbox.uids(tx, box.id)
    unseen = await mailbox.first_unseen(tx, box.id, reader) if box.unseen or reader else None
    missed = None
    if known is not None and known.uidvalidity == box.uidvalidity:  # else it knows nothing (RFC 7162 §3.2.5)
        missed = await mailbox.changes(tx, box.id, known.modseq, reader)
    return Opened(place, uids, 0 if unseen is None else bisect_left(uids, unseen) + 1, missed)


def _condstore(args: Arguments) -> None:
    return None


PARAMETERS: dict[str, Callable[[Arguments], Resync | None]] = {"CONDSTORE": _condstore, "QRESYNC": resync}

ROWS = (
    Command(
        "SELECT",
        LOGGED_IN,
        parse,
        partial(run, read_only=False),
        capability=always("CONDSTORE", "QRESYNC"),
    ),
)
