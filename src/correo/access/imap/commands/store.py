"""STORE and UID STORE (RFC 3501 §6.4.6), with UNCHANGEDSINCE (RFC 7162 §3.1.3)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Collection, Sequence
from contextlib import aclosing
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from correo import mailbox
from correo.access.imap import condstore, rights, sync
from correo.access.imap.bulk import OfRows
from correo.access.imap.commands.row import SELECTED, Command, by_number, by_uid
from correo.access.imap.flags import settable
from correo.access.imap.items.fetch import plan
from correo.access.imap.message_limit import newest
from correo.access.imap.responses import Responses, ok
from correo.access.imap.rights import Access
from correo.access.imap.selected import Selected
from correo.access.imap.tally import Tally
from correo.access.imap.view import Messages, View, slices
from correo.mail.flags import Flags
from correo.mailbox import Changes, Rights, Stored
from correo.mailbox.flagging import How
from correo.storage.db import Tx
from correo.wire.imap.fetch import Attribute
from correo.wire.imap.grammar import Arguments
from correo.wire.imap.modifiers import mod_sequence, modifiers
from correo.wire.imap.store import Change, store_flags
from correo.wire.imap.types import SequenceSet

if TYPE_CHECKING:
    from correo.access.imap.session import ImapSession

SLICE = 2_000  # messages that are told in one go: a few milliseconds
FLAGS, MODSEQ = Attribute("FLAGS"), Attribute("MODSEQ")

_HOW: dict[Change, How] = {Change.ADD: "add", Change.REMOVE: "remove", Change.REPLACE: "replace"}


class Store(NamedTuple):
    messages: Messages
    how: How
    flags: Flags
    silent: bool
    unchanged_since: int | None = None  # RFC 7162 §3.1.3


def parser(which: Callable[[Arguments], Messages]) -> Callable[[Arguments], Store]:
    def parse(args: Arguments) -> Store:
        messages = which(args)
        found: dict[str, int] = {}
        if args.sp().peek(b"("):
            found = modifiers(args, {"UNCHANGEDSINCE": mod_sequence})
            args.sp()
        item = store_flags(args)
        args.end()
        since = found.get("UNCHANGEDSINCE")
        return Store(messages, _HOW[item.change], settable(item.flags), item.silent, since)

    return parse


async def run(session: ImapSession, store: Store) -> Responses:
    """Messages that exist no more are passed over (RFC 2180 §4.2.1). Without SILENT the flags of all others are told.

    With it, a client that keeps mod-sequences is told those that it caused (RFC 7162 §3.1.3), and the flags of the messages
    that were left alone.
    """
    selected = session.mailbox
    view = selected.view
    if store.unchanged_since is not None:
        yield condstore.enabling(session)
    limited = newest(session, view, view.spans(store.messages))
    spans = limited.spans
    stored: Stored | None = None
    if spans:
        count, ranges = sum(map(len, spans)), view.ranges(spans)
        since = store.unchanged_since
        stored = await change_flags(session, selected, count, ranges, store.how, store.flags, since)
    modified = stored.modified if stored else []
    silent = store.silent and not _cut(store, selected.rights)
    if silent and store.unchanged_since is None:
        changed = [uid for uid, _, _ in stored.changed] if stored and selected.condstore else []
        spans = view.runs(changed)
    uid = store.messages.uid
    told = (
        _told(session, selected, spans, set(modified), uid=uid)
        if silent
        else _flags_told(session, selected, spans, uid=uid)
    )
    async with aclosing(told) as pieces:
        async for piece in pieces:
            yield piece
    for ending in limited.ending(ok("Stored", _modified(view, modified, uid=uid))):
        yield ending


def _cut(store: Store, held: Rights) -> bool:
    """Whether not all became as the client wants it, so that it has to be told what is (RFC 4314 §4)."""
    if store.how == "replace" and not held.issuperset("stw"):
        return True
    return mailbox.allowed(store.flags, held) != store.flags


def _modified(view: View, uids: Sequence[int], *, uid: bool) -> str:
    if not uids:
        return ""
    return f"MODIFIED {SequenceSet.from_numbers(uids if uid else map(view.number, uids))}"


async def change_flags(
    session: ImapSession,
    selected: Selected,
    count: int,
    ranges: Sequence[tuple[int, int]],
    how: How,
    flags: Flags,
    unchanged_since: int | None = None,
) -> Stored:
    """Change flags so that the client is not told what it did itself, but is told what others did before."""
    view = selected.view
    before, stored = await session.write(
        count, _store, selected.access, view.modseq, ranges, how, flags, session.now(), unchanged_since
    )
    view.absorb(before)
    view.known(stored.modseq)
    if view.touched is not None:
        view.touched.update(uid for uid, *_ in stored.changed)
    return stored


async def _store(
    tx: Tx,
    access: Access,
    since: int,
    ranges: Sequence[tuple[int, int]],
    how: How,
    flags: Flags,
    now: int,
    unchanged_since: int | None,
) -> tuple[Changes, Stored]:
    before = await mailbox.changes(tx, access.mailbox_id, since, access.reader)
    return before, await rights.change_flags(tx, access, ranges, how, flags, now, unchanged_since)


async def _flags_told(
    session: ImapSession, selected: Selected, spans: list[range], *, uid: bool
) -> AsyncGenerator[bytes, None]:
    """What `sync.flags_response` tells, of all of the messages."""
    view = selected.view
    items = (FLAGS, MODSEQ) if selected.condstore else (FLAGS,)
    wanted = plan(items, uid=(uid or selected.condstore) and not selected.uid_only)
    of_rows = OfRows(session, selected, wanted, Tally())
    for some in slices(spans, SLICE):
        if view.changed:
            view.heard_of(chain.from_iterable(view.uids[span.start : span.stop] for span in some))
        yield await of_rows.responses(some)
        await asyncio.sleep(0)


async def _told(
    session: ImapSession, selected: Selected, spans: list[range], modified: Collection[int], *, uid: bool
) -> AsyncGenerator[bytes, None]:
    """Without flags, but for messages that somebody else changed too."""
    view = selected.view
    for some in slices(spans, sync.SLICE):
        rows = await session.services.db.read(
            mailbox.fetch_rows, selected.mailbox_id, view.ranges(some), (), selected.reader
        )
        short = {row.uid for row in rows if row.uid not in modified and row.uid not in view.changed}
        view.heard_of(row.uid for row in rows)
        yield selected.announced.news({row.keywords for row in rows if row.uid not in short}) + b"".join(
            [
                sync.modseq_response(selected, row)
                if row.uid in short
                else sync.flags_response(selected, row, uid=uid)
                for row in rows
            ]
        )
        await asyncio.sleep(0)


ROWS = (
    Command("STORE", SELECTED, parser(by_number), run, uses_seqs=True, alters=True),
    Command("UID STORE", SELECTED, parser(by_uid), run, alters=True),
)
