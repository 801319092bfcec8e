"""FETCH and UID FETCH (RFC 3501 §6.4.5), slice by slice: rows are read as they are sent, large messages one at a time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, NamedTuple

from correo import mailbox
from correo.access.imap import condstore, message_limit
from correo.access.imap.bulk import InBulk, OfRows
from correo.access.imap.commands.row import SELECTED, Command, always, by_number, by_uid
from correo.access.imap.commands.store import change_flags
from correo.access.imap.items.fetch import CAPABILITIES, PARSERS, Plan, attributes, plan
from correo.access.imap.items.fetch.row import INLINE, each
from correo.access.imap.responses import PIECE, Completion, Responses, bad, no, ok
from correo.access.imap.resync import changed_since
from correo.access.imap.selected import Selected
from correo.access.imap.tally import Tally
from correo.access.imap.view import Messages, part, slices
from correo.mail.errors import Kind, Refused
from correo.mail.flags import SEEN, Flags
from correo.mailbox import OWN_COLUMNS, Fetched
from correo.wire.imap.fetch import Attribute, FetchItem, fetch_items
from correo.wire.imap.grammar import Arguments, SyntaxFault
from correo.wire.imap.modifiers import mod_sequence, modifiers
from correo.wire.imap.results import Window, read_window

if TYPE_CHECKING:
    from correo.access.imap.session import ImapSession

ROWS_ALONE = 500  # messages of one read that takes their rows alone: half a millisecond
ROWS_IN_BULK = 2_000  # the same, column by column
ROWS_JOINED = 100  # messages of one read that takes what was computed of them too
ROWS_JOINED_IN_BULK = 200  # the same; envelopes of a thousand addresses each still fit into memory
MARKED_AHEAD = 256 * 1024  # octets of messages that are marked \\Seen by one write, before they are sent

MODSEQ = Attribute("MODSEQ")


class Fetch(NamedTuple):
    messages: Messages
    items: tuple[FetchItem, ...]
    since: int | None = None  # CHANGEDSINCE (RFC 7162 §3.1.4.1)
    vanished: bool = False  # VANISHED (RFC 7162 §3.2.6)
    window: Window | None = None  # PARTIAL (RFC 9394 §3.3)


def parser(which: Callable[[Arguments], Messages]) -> Callable[[Arguments], Fetch]:
    def parse(args: Arguments) -> Fetch:
        messages, items = which(args), fetch_items(args.sp(), PARSERS)
        found = modifiers(args, MODIFIERS) if args.take(b" ") else {}
        args.end()
        since, vanished = found.get("CHANGEDSINCE"), "VANISHED" in found
        if vanished and (since is None or not messages.uid):
            raise SyntaxFault("VANISHED is of UID FETCH, and goes with CHANGEDSINCE")
        if since is not None and MODSEQ not in items:
            items = (*items, MODSEQ)
        window = found.get("PARTIAL")
        if window is not None and not messages.uid:
            raise SyntaxFault("PARTIAL is of UID FETCH")
        return Fetch(messages, items, since, vanished, window)

    return parse


def _vanished(args: Arguments) -> None:
    return None


MODIFIERS: dict[str, Callable[[Arguments], Any]] = {
    "CHANGEDSINCE": mod_sequence,
    "PARTIAL": lambda args: read_window(args.sp()),
    "VANISHED": _vanished,
}


async def run(session: ImapSession, fetch: Fetch) -> Responses:
    """Messages that exist no more are left out; by number that is told (RFC 2180 §4.1.2, RFC 5530 EXPUNGEISSUED)."""
    selected = session.mailbox
    if fetch.vanished and condstore.QRESYNC not in session.enabled:
        yield bad("Enable QRESYNC first")
        return
    where = selected.view.spans(fetch.messages)
    if fetch.window is not None and (refusal := message_limit.too_wide(session, fetch.window)):
        yield refusal
        return
    if fetch.window is not None:
        where = part(where, fetch.window.within(sum(map(len, where))))
    if MODSEQ in fetch.items:
        yield condstore.enabling(session)
    if fetch.since is not None:
        told, where = await changed_since(session, fetch.messages, where, fetch.since)
        if fetch.vanished:
            yield told
    wanted = plan(fetch.items, uid=fetch.messages.uid and not selected.uid_only)
    tally = Tally()
    limited = message_limit.newest(session, selected.view, where)
    marks = wanted.marks_seen and not selected.read_only and "s" in selected.rights
    in_bulk = wanted.in_bulk and not marks
    some_at_once = slices(limited.spans, _rows_at_once(wanted, in_bulk))
    backwards = bool(limited.code)

    def alone(spans: list[range]) -> AsyncGenerator[bytes, None]:
        return _one_by_one(session, selected, spans, wanted, tally, backwards)

    bulk = InBulk(OfRows(session, selected, wanted, tally, backwards), alone)
    answered = bulk.responses if in_bulk else alone
    for spans in reversed(list(some_at_once)) if backwards else some_at_once:
        # Of more than a limit from the highest to the lowest UID (RFC 9738 §3.1).
        async with aclosing(answered(spans)) as pieces:
            async for piece in pieces:
                yield piece
        await asyncio.sleep(0)
    for ending in limited.ending(_completion(tally, fetch)):
        yield ending


def _completion(tally: Tally, fetch: Fetch) -> Completion:
    if tally.damaged:
        return no("Some of the messages cannot be read", "CORRUPTION")
    if tally.unknown_cte:
        return no("Some of the parts cannot be decoded", "UNKNOWN-CTE")
    if tally.missing and not fetch.messages.uid:
        return no("Some of the messages are no more", "EXPUNGEISSUED")
    return ok("Fetched")


def _rows_at_once(wanted: Plan, in_bulk: bool) -> int:
    """What is as long as the messages is not read with the rows where it is told in bulk."""
    columns = wanted.names if in_bulk and wanted.octets else wanted.columns
    if not OWN_COLUMNS.issuperset(columns):
        return ROWS_JOINED_IN_BULK if in_bulk else ROWS_JOINED
    return ROWS_IN_BULK if in_bulk else ROWS_ALONE


async def _one_by_one(
    session: ImapSession, selected: Selected, spans: list[range], wanted: Plan, tally: Tally, backwards: bool
) -> AsyncGenerator[bytes, None]:
    rows = await _read(session, selected, spans, wanted, tally)
    if backwards:
        rows = rows[::-1]
    if wanted.tells_flags:
        yield selected.announced.news({row.keywords for row in rows})
    for some in _batches(rows) if wanted.marks_seen else (rows,):
        async with aclosing(_responses(session, selected, some, wanted, tally)) as pieces:
            async for piece in pieces:
                yield piece


async def _read(
    session: ImapSession, selected: Selected, spans: list[range], wanted: Plan, tally: Tally
) -> list[Fetched]:
    async def some(spans: list[range]) -> list[Fetched]:
        ranges = selected.view.ranges(spans)
        return await session.services.db.read(
            mailbox.fetch_rows, selected.mailbox_id, ranges, wanted.columns, selected.reader
        )

    try:
        rows = await some(spans)
    except Refused as refused:
        if refused.kind is not Kind.BROKEN:
            raise
        rows = []
        for one in slices(spans, 1):
            try:
                rows += await some(one)
            except Refused as damaged:
                tally.count(damaged, selected.view.uids[one[0].start])
    if len(rows) < sum(map(len, spans)):
        tally.missing = True
    return rows


def _batches(rows: Sequence[Fetched]) -> Iterator[Sequence[Fetched]]:
    """Messages that are marked in one write: a client that leaves has not "read" what was far from being sent."""
    start = size = 0
    for at, row in enumerate(rows, 1):
        size += row.size
        if size > MARKED_AHEAD or at == len(rows):
            yield rows[start:at]
            start, size = at, 0


async def _mark_seen(
    session: ImapSession, selected: Selected, rows: Sequence[Fetched]
) -> tuple[Sequence[Fetched], frozenset[int]]:
    """One write for the batch that is about to be sent."""
    view = selected.view
    unseen = sorted(row.uid for row in rows if not row.flags & SEEN)
    if not unseen:
        return rows, frozenset()
    ranges = view.ranges(view.runs(unseen))
    try:
        stored = await change_flags(session, selected, len(unseen), ranges, "add", Flags(SEEN))
    except Refused as refused:
        if refused.kind not in (Kind.UNAVAILABLE, Kind.NOT_FOUND, Kind.NO_PERMISSION):
            raise
        return rows, frozenset()  # a full disk must not keep anybody from reading
    changed = {uid: (bits, keywords) for uid, bits, keywords in stored.changed}
    view.heard_of(changed)
    updated = [
        row._replace(flags=changed[row.uid][0], keywords=changed[row.uid][1], modseq=stored.modseq)
        if row.uid in changed
        else row
        for row in rows
    ]
    return updated, frozenset(changed)


async def _responses(
    session: ImapSession,
    selected: Selected,
    rows: Sequence[Fetched],
    wanted: Plan,
    tally: Tally,
) -> AsyncGenerator[bytes, None]:
    """What has to be looked at closer: all that can fail comes before the response begins."""
    view, services = selected.view, session.services
    marked: frozenset[int] = frozenset()
    if wanted.marks_seen and not selected.read_only and "s" in selected.rights:
        rows, marked = await _mark_seen(session, selected, rows)
        if marked:
            yield selected.announced.news({row.keywords for row in rows})
    # RFC 7162 §3.2.4: what setting \Seen causes is told like a change by another.
    due = (attributes.uid, attributes.flags, attributes.modseq) if selected.condstore else (attributes.flags,)
    named = (attributes.uid,) if selected.uid_only else ()  # UIDFETCH says it
    unasked = [answer for answer in due if answer not in wanted.plain and answer not in named]
    held: list[bytes] = []  # what is sent together
    size = 0
    async with aclosing(each(rows, services.db, services.octets, whole=wanted.octets)) as messages:
        async for found in messages:
            row = found.row
            reserved = await session.hold(row.size) if wanted.octets and row.size > INLINE else 0
            try:
                for check in wanted.checks:
                    await check(found)
                early = [b"%b%b" % await read(found) for read in wanted.early]
                if wanted.octets:
                    await found.raw(again=wanted.again)
            except Refused as refused:
                session.release(reserved)
                tally.count(refused, row.uid)
                continue
            items = [answer(row, view) for answer in wanted.plain] + early
            if row.uid in marked:
                items += [answer(row, view) for answer in unasked]
            head = selected.fetch_response(row.uid, items).removesuffix(b")\r\n")
            if size + len(head) > PIECE:
                yield b"".join(held)
                held, size = [], 0
            held.append(head)
            size += len(head)
            for at, read in enumerate(wanted.late):
                label, octets = await read(found)
                held += (b" " if at or items else b"", label)
                if size + len(octets) > PIECE:
                    yield b"".join(held)
                    held, size = [], 0
                if len(octets) > PIECE:
                    yield octets
                else:
                    held.append(octets)
                    size += len(octets)
            held.append(b")\r\n")
            session.release(reserved)
    yield b"".join(held)


ROWS = (
    Command("FETCH", SELECTED, parser(by_number), run, uses_seqs=True, capability=always(*CAPABILITIES)),
    Command("UID FETCH", SELECTED, parser(by_uid), run, capability=always("PARTIAL")),
)
