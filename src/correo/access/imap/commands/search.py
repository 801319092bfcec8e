"""SEARCH and UID SEARCH (RFC 3501 §6.4.4), with RETURN (RFC 4731, RFC 5182, RFC 9394)."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from correo.access.imap import condstore
from correo.access.imap.commands.row import SELECTED, Command, always
from correo.access.imap.contexts import open_context
from correo.access.imap.filters import with_filters
from correo.access.imap.items.fetch import PARSERS
from correo.access.imap.items.results import answer, highest, hit
from correo.access.imap.message_limit import searched
from correo.access.imap.own import Own
from correo.access.imap.responses import Completion, Responses, Status, bad, ok
from correo.access.imap.searching import find
from correo.access.imap.sorting import Criteria, Rank
from correo.access.imap.view import View
from correo.wire.imap import encode
from correo.wire.imap.grammar import Arguments, SyntaxFault
from correo.wire.imap.results import Results, read_results
from correo.wire.imap.search import Key, ModSeq, Numbers, mentions, search_program
from correo.wire.imap.types import SequenceSet

if TYPE_CHECKING:
    from correo.access.imap.session import ImapSession


ALL = Results(frozenset({"ALL"}))  # what is told where nothing is asked for
TAG_REUSED = bad("That tag is of a search that is kept up to date")  # RFC 5267 §4.3


class Search(NamedTuple):
    key: Key
    results: Results | None


class Unreadable(NamedTuple):
    """A NO that also forgets what was saved (RFC 5182 §2.1)."""

    fault: SyntaxFault


def parse(args: Arguments) -> Search | Unreadable:
    results = read_results(args.sp(), PARSERS)
    try:
        key = search_program(args)
        args.end()
        if results is not None:
            results.check(key)
    except SyntaxFault as fault:
        return unless_saved(fault, results)
    return Search(key, results)


def unless_saved(fault: SyntaxFault, results: Results | None) -> Unreadable:
    """Raises the fault where it changes nothing."""
    if fault.status == "NO" and results is not None and "SAVE" in results:
        return Unreadable(fault)
    raise fault


def unreadable(view: View, search: Unreadable) -> Completion:
    view.saved = SequenceSet()
    return Completion(Status(search.fault.status), search.fault.reason, search.fault.code)


async def run(session: ImapSession, search: Search | Unreadable, *, uid: bool) -> Responses:
    selected = session.mailbox
    view = selected.view
    if isinstance(search, Unreadable):
        yield unreadable(view, search)
        return
    if search.results is not None and "UPDATE" in search.results and session.tag in selected.contexts:
        yield TAG_REUSED
        return
    asks_modseq = mentions(search.key, ModSeq)
    if asks_modseq:
        yield condstore.enabling(session)
    results = search.results or (ALL if selected.rev2 else None)
    key, limited = searched(session, view, search.key)
    found = await find(session, selected, key, hit)
    modseq = highest(found, results) if asks_modseq else 0
    if results is None:
        told = [view.uids[number - 1] for number in found] if uid else list(found)
        yield encode.search_response(told, modseq)
    else:
        # Before `answer` saves its own: `$` in the key is what was saved before.
        note = keep_up_to_date(session, search.key, results, (), dict.fromkeys(found, ()), uid=uid)
        yield answer(session.tag, view, found, results, uid=uid, modseq=modseq) + note
    for ending in limited.ending(replace(ok("Searched"), numbers_stay=mentions(search.key, Numbers))):
        yield ending


def keep_up_to_date(
    session: ImapSession,
    key: Key,
    results: Results,
    criteria: Criteria,
    ranks: dict[int, Rank],
    *,
    uid: bool,
) -> bytes:
    """UPDATE, where it is asked for (RFC 5267 §4.3); what to tell where it is refused."""
    if "UPDATE" not in results:
        return b""
    if open_context(session.mailbox, session.tag, key, criteria, ranks, results.items, uid=uid):
        if results.items:
            session.own = session.own or Own()
        return b""
    return encode.no(encode.UNTAGGED, "Too many contexts", f'NOUPDATE "{session.tag}"')


ROWS = (
    Command(
        "SEARCH",
        SELECTED,
        parse,
        with_filters(partial(run, uid=False)),
        uses_seqs=True,
        capability=always(
            "ESEARCH", "SEARCHRES", "WITHIN", "SEARCH=FUZZY", "CONTEXT=SEARCH", "INPROGRESS", "FILTERS"
        ),
    ),
    Command("UID SEARCH", SELECTED, parse, with_filters(partial(run, uid=True))),
)
