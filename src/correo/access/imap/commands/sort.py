"""SORT and UID SORT (RFC 5256 §3), with RETURN (RFC 5267 §3)."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from correo.access.imap import condstore
from correo.access.imap.commands.row import SELECTED, Command, always
from correo.access.imap.commands.search import (
    TAG_REUSED,
    Unreadable,
    keep_up_to_date,
    unless_saved,
    unreadable,
)
from correo.access.imap.filters import with_filters
from correo.access.imap.items.fetch import PARSERS
from correo.access.imap.items.results import answer, highest
from correo.access.imap.items.sort import SORT_KEYS
from correo.access.imap.message_limit import too_many_to_order
from correo.access.imap.responses import Responses, ok
from correo.access.imap.sorting import in_order, ranked
from correo.wire.imap import encode
from correo.wire.imap.grammar import Arguments, SyntaxFault
from correo.wire.imap.results import Results, read_results
from correo.wire.imap.search import Fuzzy, Key, ModSeq, Numbers, mentions, search_criteria
from correo.wire.imap.sort import Criterion, sort_criteria
from correo.wire.imap.types import SequenceSet

if TYPE_CHECKING:
    from correo.access.imap.session import ImapSession


class Sort(NamedTuple):
    criteria: tuple[Criterion, ...]
    key: Key
    results: Results | None

    def check(self) -> None:
        """Raises SyntaxFault."""
        if self.results is not None:
            self.results.check(self.key)
        if any(criterion.key == "RELEVANCY" for criterion in self.criteria) and not mentions(self.key, Fuzzy):
            raise SyntaxFault("RELEVANCY goes with FUZZY")  # RFC 6203 §6


def parse(args: Arguments) -> Sort | Unreadable:
    results = read_results(args.sp(), PARSERS)
    try:
        sort = Sort(sort_criteria(args, SORT_KEYS), search_criteria(args), results)
        args.end()
        sort.check()
    except SyntaxFault as fault:
        return unless_saved(fault, results)
    return sort


async def run(session: ImapSession, sort: Sort | Unreadable, *, uid: bool) -> Responses:
    selected = session.mailbox
    view = selected.view
    if isinstance(sort, Unreadable):
        yield unreadable(view, sort)
        return
    if sort.results is not None and "UPDATE" in sort.results and session.tag in selected.contexts:
        yield TAG_REUSED
        return
    asks_modseq = mentions(sort.key, ModSeq)
    if asks_modseq:
        yield condstore.enabling(session)
    if refusal := too_many_to_order(session, view, sort.key):
        if sort.results is not None and "SAVE" in sort.results:
            view.saved = SequenceSet()  # RFC 5182 §2.1
        yield refusal
        return
    hits = await ranked(session, selected, sort.criteria, sort.key)
    ranks = {number: one.rank for number, one in hits.items()}
    found = {number: hits[number].hit for number in in_order(ranks, ranks, sort.criteria)}
    modseq = highest(found, sort.results) if asks_modseq else 0
    if sort.results is not None:
        note = keep_up_to_date(session, sort.key, sort.results, sort.criteria, ranks, uid=uid)
        yield answer(session.tag, view, found, sort.results, uid=uid, modseq=modseq) + note
    else:
        words = [b"%d" % (view.uids[number - 1] if uid else number) for number in found]
        if modseq:
            words.append(b"(MODSEQ %d)" % modseq)  # RFC 7162 §7 `sort-data`
        yield encode.untagged(b"SORT", *words)
    yield replace(ok("Sorted"), numbers_stay=mentions(sort.key, Numbers))


ROWS = (
    Command(
        "SORT",
        SELECTED,
        parse,
        with_filters(partial(run, uid=False)),
        rfc=5256,
        uses_seqs=True,
        capability=always("SORT", "SORT=DISPLAY", "ESORT", "CONTEXT=SORT", "I18NLEVEL=1"),
    ),
    Command("UID SORT", SELECTED, parse, with_filters(partial(run, uid=True)), rfc=5256),
)
