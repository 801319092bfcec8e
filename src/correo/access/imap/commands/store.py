"""STORE and UID STORE (RFC 3501 §6.4.6)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from correo import mailbox
from correo.access.imap import sync
from correo.access.imap.commands.row import SELECTED, Command, by_number, by_uid
from correo.access.imap.flags import settable
from correo.access.imap.responses import Responses, ok
from correo.access.imap.selected import Selected
from correo.access.imap.view import Messages, slices
from correo.mail.flags import Flags
from correo.mailbox import Changes, Stored
from correo.mailbox.flagging import How
from correo.storage.db import Tx
from correo.wire.imap.grammar import Arguments
from correo.wire.imap.store import Change, store_flags

if TYPE_CHECKING:
    from correo.access.imap.session import ImapSession

_HOW: dict[Change, How] = {Change.ADD: "add", Change.REMOVE: "remove", Change.REPLACE: "replace"}


class Store(NamedTuple):
    messages: Messages
    how: How
    flags: Flags
    silent: bool


def parser(which: Callable[[Arguments], Messages]) -> Callable[[Arguments], Store]:
    def parse(args: Arguments) -> Store:
        messages = which(args)
        item = store_flags(args.sp())
        args.end()
        return Store(messages, _HOW[item.change], settable(item.flags), item.silent)

    return parse


async def run(session: ImapSession, store: Store) -> Responses:
    """Messages that exist no more are passed over (RFC 2180 §4.2.1). Without SILENT the flags of all others are told."""
    selected = session.mailbox
    spans = selected.view.spans(store.messages)
    if spans:
        count, ranges = sum(map(len, spans)), selected.view.ranges(spans)
        await change_flags(session, selected, count, ranges, store.how, store.flags)
    if not store.silent:
        for some in slices(spans, sync.SLICE):
            yield await _told(session, selected, some, uid=store.messages.uid)
            await asyncio.sleep(0)
    yield ok("Stored")


async def change_flags(
    session: ImapSession,
    selected: Selected,
    count: int,
    ranges: Sequence[tuple[int, int]],
    how: How,
    flags: Flags,
) -> Stored:
    """Change flags so that the client is not told what it did itself, but is told what others did before."""
    view = selected.view
    before, stored = await session.write(
        count, _store, selected.mailbox_id, view.modseq, ranges, how, flags, session.now()
    )
    view.absorb(before)
    view.known(stored.modseq)
    return stored


async def _store(
    tx: Tx,
    mailbox_id: int,
    since: int,
    ranges: Sequence[tuple[int, int]],
    how: How,
    flags: Flags,
    now: int,
) -> tuple[Changes, Stored]:
    before = await mailbox.changes(tx, mailbox_id, since)
    return before, await mailbox.store_flags(tx, mailbox_id, ranges, how, flags, now)


async def _told(session: ImapSession, selected: Selected, spans: list[range], *, uid: bool) -> bytes:
    view = selected.view
    rows = await session.services.db.read(mailbox.fetch_rows, selected.mailbox_id, view.ranges(spans), ())
    view.changed.difference_update(row.uid for row in rows)
    fresh = selected.announced.news({row.keywords for row in rows})
    return fresh + b"".join([sync.flags_response(selected, row, uid=uid) for row in rows])


ROWS = (
    Command("STORE", SELECTED, parser(by_number), run, uses_seqs=True, alters=True),
    Command("UID STORE", SELECTED, parser(by_uid), run, alters=True),
)
