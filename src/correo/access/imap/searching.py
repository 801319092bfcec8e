"""Finding messages in a mailbox for SEARCH and all that begins like it: rows first, and what must be read then is read beside
the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import TYPE_CHECKING, TypeVar

import structlog

from correo import mailbox
from correo.access.imap.items.search import compile_key
from correo.access.imap.items.search.facts import Facts
from correo.access.imap.items.search.row import Compiled, Mailbox, More
from correo.access.imap.narrowing import narrowed
from correo.access.imap.selected import Selected
from correo.access.imap.view import View, slices
from correo.mail.errors import Kind, Refused
from correo.mail.message import scan, unpack
from correo.storage.db import Tx
from correo.wire.imap.search import And, Key, Numbers, Saved, Uids

if TYPE_CHECKING:
    from correo.access.imap.session import ImapSession

T = TypeVar("T")

SLICE = 500  # messages of one read of rows: half a millisecond
SLICE_JOINED = 100  # messages of one read of rows that takes what was computed of them too
DOUBTS = 500  # messages that are looked into in one go, beside the event loop: some milliseconds
DOUBTFUL_OCTETS = 1024 * 1024  # of whole messages that are looked into in one go

log = structlog.get_logger("imap")


async def find(
    session: ImapSession,
    selected: Selected,
    key: Key,
    note: Callable[[Facts], T],
    columns: Collection[str] = (),
) -> dict[int, T]:
    """What `note` makes of each message that matches, by message number, ascending; `columns`: what it wants of the row.

    A number or UID that is not there matches nothing.
    """
    view = selected.view
    box = Mailbox(len(view), view.uids[-1] if view.uids else 0, session.now(), view.saved)
    compiled = compile_key(key, box)
    compiled = compiled._replace(columns=compiled.columns.union(columns))
    where = await narrowed(session, selected, key, candidates(key, view))
    hits: dict[int, T] = {}
    done, goal = 0, sum(map(len, where))
    for spans in slices(where, SLICE_JOINED if compiled.columns else SLICE):
        await session.progress.at(done, goal)
        doubts: list[Facts] = []
        for facts in await _rows(session, selected, spans, compiled):
            verdict = compiled.test(facts)
            if verdict:
                hits[facts.number] = note(facts)
            elif verdict is None:
                doubts.append(facts)
        for some in _portions(doubts, More.MESSAGE in compiled.needs):
            await session.progress.at(done, goal)
            for facts in await _decide(session, selected, some, compiled):
                hits[facts.number] = note(facts)
        done += sum(map(len, spans))
        await asyncio.sleep(0)
    return dict(sorted(hits.items())) if compiled.needs else hits


def candidates(key: Key, view: View) -> list[range]:
    """Where the mailbox has to be looked at: a search for some UIDs among other keys need not read it all."""
    for part in key.keys if isinstance(key, And) else (key,):
        if isinstance(part, Uids):
            return part.uids.spans(view.uids)
        if isinstance(part, Numbers):
            return part.numbers.numbered(len(view))
        if isinstance(part, Saved):
            return view.saved.spans(view.uids)
    return [range(len(view))] if len(view) else []


async def _rows(
    session: ImapSession, selected: Selected, spans: list[range], compiled: Compiled
) -> Iterator[Facts]:
    view = selected.view
    rows = await session.services.db.read(
        mailbox.fetch_rows, selected.mailbox_id, view.ranges(spans), compiled.columns, selected.reader
    )
    return (Facts(view.number(row.uid), row, view.is_recent(row.uid)) for row in rows)


def _portions(doubts: Sequence[Facts], whole: bool) -> Iterator[Sequence[Facts]]:
    start = octets = 0
    for at, facts in enumerate(doubts, 1):
        octets += facts.row.size if whole else 0
        if octets > DOUBTFUL_OCTETS or at - start == DOUBTS or at == len(doubts):
            yield doubts[start:at]
            start, octets = at, 0


async def _decide(
    session: ImapSession, selected: Selected, doubts: Sequence[Facts], compiled: Compiled
) -> list[Facts]:
    hits, damaged = await session.services.db.scan(look_into, doubts, compiled)
    for uid, detail in damaged:
        log.error("damaged message", mailbox=selected.mailbox_id, uid=uid, detail=detail)
    return hits


async def look_into(
    tx: Tx, doubts: Sequence[Facts], compiled: Compiled
) -> tuple[list[Facts], list[tuple[int, str]]]:
    """Those that match, and the UIDs of those that nobody can read any more, with the reason."""
    hits: list[Facts] = []
    damaged: list[tuple[int, str]] = []
    if More.HEADER in compiled.needs:
        headers = await mailbox.headers(tx, [facts.row.content_id for facts in doubts])
        for facts in doubts:
            facts.header = headers.get(facts.row.content_id)
    for facts in doubts:
        try:
            if await _verdict(tx, facts, compiled):
                hits.append(facts)
        except Refused as refused:
            if refused.kind is Kind.BROKEN:
                damaged.append((facts.row.uid, refused.detail))
            elif refused.kind is not Kind.NOT_FOUND:  # that: expunged meanwhile
                raise
    return hits, damaged


async def _verdict(tx: Tx, facts: Facts, compiled: Compiled) -> bool | None:
    verdict: bool | None = None
    content_id = facts.row.content_id
    if More.HEADER in compiled.needs:
        if facts.header is None:
            facts.header = await mailbox.header(tx, content_id)
        verdict = compiled.test(facts)
    if verdict is None and More.MESSAGE in compiled.needs:
        facts.raw = await mailbox.raw(tx, content_id)
        try:
            facts.root = unpack(facts.row.parts)
        except ValueError:  # made by another version of ours
            facts.root = scan(facts.raw)
        verdict = compiled.test(facts)
        facts.forget()
    return verdict
