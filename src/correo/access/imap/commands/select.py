"""SELECT (RFC 3501 §6.3.1): open a mailbox, and tell a client that was away what it missed (RFC 7162 §3.2.5)."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from contextlib import aclosing
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from correo import mailbox
from correo.access.imap import condstore, sync
from correo.access.imap.commands.row import LOGGED_IN, Command, always
from correo.access.imap.objectid import mailboxid
from correo.access.imap.replies import REPLIES
from correo.access.imap.responses import Responses, bad, ok
from correo.access.imap.resync import missed
from correo.access.imap.selected import Selected
from correo.mail.errors import Kind
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
    box: Mailbox
    uids: list[int]
    unseen: int  # number of the first message without \Seen, 0 for none
    missed: Changes | None  # since the mod-sequence that QRESYNC gave


def parse(args: Arguments) -> Select:
    name = args.sp().mailbox()
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
        session.selected = None  # also if this fails (RFC 3501 §6.3.1)
        yield encode.ok(encode.UNTAGGED, "The mailbox before is closed", "CLOSED")
    if select.condstore:
        condstore.enabling(session)
    box = await session.services.db.read(mailbox.find, session.owner.id, select.name)
    opened = await session.read(_cost(box, known), open_mailbox, box.id, known) if box else None
    if opened is None:
        yield REPLIES[Kind.NOT_FOUND]
        return
    box = opened.box
    selected = Selected.of(box, opened.uids, read_only=read_only, enabled=session.enabled)
    first, last = await sync.recent_of(session.services.db, box.id, read_only=read_only)
    selected.view.add_recent(first, last)
    session.selected = selected
    yield selected.announced.lines()
    yield encode.exists(len(opened.uids)) + encode.recent(selected.view.recent)
    if opened.unseen:
        yield encode.ok(encode.UNTAGGED, "The first that is unseen", f"UNSEEN {opened.unseen}")
    yield encode.ok(encode.UNTAGGED, "UIDs are valid", f"UIDVALIDITY {box.uidvalidity}")
    yield encode.ok(encode.UNTAGGED, "The next UID, foretold", f"UIDNEXT {box.uidnext}")
    # RFC 8474 §4.2
    yield encode.ok(encode.UNTAGGED, "Its name may change", f"MAILBOXID {mailboxid(box.id)}")
    yield condstore.told(box.modseq)
    if known is not None and opened.missed is not None:
        async with aclosing(missed(session, known, opened.missed)) as pieces:
            async for piece in pieces:
                yield piece
    if read_only:
        yield ok("Examined", "READ-ONLY")
    else:
        yield ok("Selected", "READ-WRITE")


def _cost(box: Mailbox, known: Resync | None) -> int:
    """Messages and changes that are looked at, about."""
    return box.messages + (max(0, box.modseq - known.modseq) if known else 0)


async def open_mailbox(tx: Tx, mailbox_id: int, known: Resync | None = None) -> Opened | None:
    """All that SELECT tells, of one moment."""
    box = await mailbox.get(tx, mailbox_id)
    if box is None:
        return None
    uids = await mailbox.uids(tx, mailbox_id)
    unseen = await mailbox.first_unseen(tx, mailbox_id) if box.unseen else None
    missed = None
    if known is not None and known.uidvalidity == box.uidvalidity:  # else it knows nothing (RFC 7162 §3.2.5)
        missed = await mailbox.changes(tx, mailbox_id, known.modseq)
    return Opened(box, uids, 0 if unseen is None else bisect_left(uids, unseen) + 1, missed)


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
