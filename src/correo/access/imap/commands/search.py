"""SEARCH and UID SEARCH (RFC 3501 §6.4.4): rows first, and what must be read then is read beside the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

import structlog

from correo import mailbox
from correo.access.imap.commands.row import SELECTED, Command
from correo.access.imap.items.search import compile_key
from correo.access.imap.items.search.facts import Facts
from correo.access.imap.items.search.row import Compiled, Mailbox, More
from correo.access.imap.responses import Responses, ok
from correo.access.imap.view import View, slices
from correo.mail.errors import Kind, Refused
from correo.mail.message import scan, unpack
from correo.storage.db import Tx
from correo.wire.imap import encode
from correo.wire.imap.grammar import Arguments
from correo.wire.imap.search import And, Key, Numbers, Uids, search_program

if TYPE_CHECKING:
    from correo.access.imap.session import ImapSession

SLICE = 500  # messages of one read of rows: half a millisecond
SLICE_JOINED = 100  # messages of one read of rows that takes what was computed of them too
DOUBTS = 200  # messages that are looked into in one go, beside the event loop: some milliseconds
DOUBTFUL_OCTETS = 1024 * 1024  # of whole messages that are looked into in one go

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
    hits: list[int] = []
    for spans in slices(_candidates(key, view), SLICE_JOINED if compiled.columns else SLICE):
        doubts = await _sift(session, spans, compiled, hits)
        for some in _portions(doubts, More.MESSAGE in compiled.needs):
            hits += await _decide(session, some, compiled)
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


def _portions(doubts: Sequence[Facts], whole: bool) -> Iterator[Sequence[Facts]]:
    start = octets = 0
    for at, facts in enumerate(doubts, 1):
        octets += facts.row.size if whole else 0
        if octets > DOUBTFUL_OCTETS or at - start == DOUBTS or at == len(doubts):
            yield doubts[start:at]
            start, octets = at, 0


async def _decide(session: ImapSession, doubts: Sequence[Facts], compiled: Compiled) -> list[int]:
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
        try:
            facts.root = unpack(facts.row.parts)
        except ValueError:  # made by another version of ours
            facts.root = scan(facts.raw)
        verdict = compiled.test(facts)
        facts.forget()
    return verdict


ROWS = (
    Command("SEARCH", SELECTED, parse, partial(run, uid=False), uses_seqs=True),
    Command("UID SEARCH", SELECTED, parse, partial(run, uid=True)),
)
