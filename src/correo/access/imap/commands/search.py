"""SEARCH and UID SEARCH (RFC 3501 §6.4.4): rows first, and what must be read then is read beside the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial

import structlog

from correo import mailbox
from correo.access.imap.commands.row import SELECTED, Command
from correo.access.imap.items.search import compile_key
from correo.access.imap.items.search.facts import Facts
from correo.access.imap.items.search.row import Compiled, Mailbox, More
from correo.access.imap.responses import Responses, ok
from correo.access.imap.session import ImapSession
from correo.access.imap.view import View, slices
from correo.mail.errors import Kind, Refused
from correo.mail.message import scan, unpack
from correo.storage.db import Tx
from correo.wire.imap import encode
from correo.wire.imap.grammar import Arguments
from correo.wire.imap.search import And, Key, Numbers, Uids, search_program

SLICE = 500  # messages of one read of rows: half a millisecond
DOUBTS = {
    More.HEADER: 200,
    More.MESSAGE: 20,
}  # messages that are looked into in one go: some milliseconds in a thread

log = structlog.get_logger("imap")


def parse(args: Arguments) -> Key:
    key = search_program(args.sp())
    args.end()
    return key


async def run(session: ImapSession, key: Key, *, uid: bool) -> Responses:
    """A number or UID that is not there matches nothing."""
    view = session.mailbox.view
    box = Mailbox(len(view), view.uids[-1] if view.uids else 0)
    compiled = compile_key(key, box)
    most = DOUBTS[max(compiled.needs, default=More.HEADER)]
    hits: list[int] = []
    for spans in slices(_candidates(key, view), SLICE):
        doubts = await _sift(session, spans, compiled, hits)
        for start in range(0, len(doubts), most):
            hits += await _decide(session, doubts[start : start + most], compiled)
        await asyncio.sleep(0)
    numbers = sorted(hits)
    yield encode.search_response([view.uids[number - 1] for number in numbers] if uid else numbers)
    yield ok("Searched")


def _candidates(key: Key, view: View) -> list[range]:
    """Where the mailbox has to be looked at: a search for some UIDs among other keys need not read it all."""
    for part in key.keys if isinstance(key, And) else (key,):
        if isinstance(part, Uids):
            return part.uids.spans(view.uids)
        if isinstance(part, Numbers):
            return part.numbers.numbered(len(view))
    return [range(len(view))] if len(view) else []


async def _sift(session: ImapSession, spans: list[range], compiled: Compiled, hits: list[int]) -> list[Facts]:
    """Add the numbers of those that match to `hits`; the result are those that have to be looked into."""
    selected = session.mailbox
    view = selected.view
    rows = await session.services.db.read(
        mailbox.fetch_rows, selected.mailbox_id, view.ranges(spans), compiled.columns
    )
    doubts: list[Facts] = []
    for row in rows:
        facts = Facts(view.number(row.uid), row, view.is_recent(row.uid))
        verdict = compiled.test(facts)
        if verdict:
            hits.append(facts.number)
        elif verdict is None:
            doubts.append(facts)
    return doubts


async def _decide(session: ImapSession, doubts: list[Facts], compiled: Compiled) -> list[int]:
    hits, damaged = await session.services.db.scan(look_into, doubts, compiled)
    for uid, detail in damaged:
        log.error("damaged message", mailbox=session.mailbox.mailbox_id, uid=uid, detail=detail)
    return hits


async def look_into(
    tx: Tx, doubts: Sequence[Facts], compiled: Compiled
) -> tuple[list[int], list[tuple[int, str]]]:
    """The numbers of those that match, and the UIDs of those that nobody can read any more, with the reason."""
    hits: list[int] = []
    damaged: list[tuple[int, str]] = []
    for facts in doubts:
        try:
            if await _verdict(tx, facts, compiled):
                hits.append(facts.number)
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
        facts.header = await mailbox.header(tx, content_id)
        verdict = compiled.test(facts)
    if verdict is None and More.MESSAGE in compiled.needs:
        facts.raw = await mailbox.raw(tx, content_id)
        content = await mailbox.content(tx, content_id)
        try:
            facts.root = unpack(content.parts)
        except ValueError:  # made by another version of ours
            facts.root = scan(facts.raw)
        verdict = compiled.test(facts)
        facts.raw = facts.root = None
    return verdict


ROWS = (
    Command("SEARCH", SELECTED, parse, partial(run, uid=False), uses_seqs=True),
    Command("UID SEARCH", SELECTED, parse, partial(run, uid=True)),
)
