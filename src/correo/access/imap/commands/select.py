"""SELECT (RFC 3501 §6.3.1): open a mailbox."""

from __future__ import annotations

from bisect import bisect_left
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from correo import mailbox
from correo.access.imap import sync
from correo.access.imap.commands.row import LOGGED_IN, Command
from correo.access.imap.replies import REPLIES
from correo.access.imap.responses import Responses, ok
from correo.access.imap.selected import Selected
from correo.mail.errors import Kind
from correo.mailbox import Mailbox
from correo.storage.db import Tx
from correo.wire.imap import encode
from correo.wire.imap.grammar import Arguments

if TYPE_CHECKING:
    from correo.access.imap.session import ImapSession


class Opened(NamedTuple):
    box: Mailbox
    uids: list[int]
    unseen: int  # number of the first message without \Seen, 0 for none


def parse(args: Arguments) -> str:
    name = args.sp().mailbox()
    args.end()
    return name


async def run(session: ImapSession, name: str, *, read_only: bool) -> Responses:
    if session.selected is not None:
        session.selected = None  # also if this fails (RFC 3501 §6.3.1)
        yield encode.ok(encode.UNTAGGED, "The mailbox before is closed", "CLOSED")
    box = await session.services.db.read(mailbox.find, session.owner.id, name)
    opened = await session.read(box.messages, open_mailbox, box.id) if box else None
    if opened is None:
        yield REPLIES[Kind.NOT_FOUND]
        return
    box = opened.box
    selected = Selected.of(box, opened.uids, read_only=read_only)
    first, last = await sync.recent_of(session.services.db, box.id, read_only=read_only)
    selected.view.add_recent(first, last)
    session.selected = selected
    yield selected.announced.lines()
    yield encode.exists(len(opened.uids)) + encode.recent(selected.view.recent)
    if opened.unseen:
        yield encode.ok(encode.UNTAGGED, "The first that is unseen", f"UNSEEN {opened.unseen}")
    yield encode.ok(encode.UNTAGGED, "UIDs are valid", f"UIDVALIDITY {box.uidvalidity}")
    yield encode.ok(encode.UNTAGGED, "The next UID, foretold", f"UIDNEXT {box.uidnext}")
    if read_only:
        yield ok("Examined", "READ-ONLY")
    else:
        yield ok("Selected", "READ-WRITE")


async def open_mailbox(tx: Tx, mailbox_id: int) -> Opened | None:
    """All that SELECT tells, of one moment."""
    box = await mailbox.get(tx, mailbox_id)
    if box is None:
        return None
    uids = await mailbox.uids(tx, mailbox_id)
    unseen = await mailbox.first_unseen(tx, mailbox_id) if box.unseen else None
    return Opened(box, uids, 0 if unseen is None else bisect_left(uids, unseen) + 1)


ROWS = (Command("SELECT", LOGGED_IN, parse, partial(run, read_only=False)),)
