"""ESEARCH (RFC 7377): one search of several mailboxes, whether one is selected or not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from correo import mailbox
from correo.access.imap import condstore, places
from correo.access.imap.commands.row import LOGGED_IN, Command, always
from correo.access.imap.commands.search import (
    ALL,
    TAG_REUSED,
    Unreadable,
    keep_up_to_date,
    unless_saved,
    unreadable,
)
from correo.access.imap.filters import with_filters
from correo.access.imap.items.fetch import PARSERS
from correo.access.imap.items.results import Hit, answer, highest, hit
from correo.access.imap.message_limit import Limited, searched, too_many_to_search
from correo.access.imap.namespaces import canonical
from correo.access.imap.places import Place
from correo.access.imap.responses import Responses, bad, ok
from correo.access.imap.rights import Access, granted
from correo.access.imap.searching import find
from correo.access.imap.selected import Selected
from correo.access.imap.sorting import Rank
from correo.accounts import Account
from correo.mailbox import INBOX, SEPARATOR
from correo.storage.db import Tx
from correo.wire.imap import encode
from correo.wire.imap.grammar import Arguments, SyntaxFault
from correo.wire.imap.results import Results, read_results
from correo.wire.imap.search import Key, ModSeq, Numbers, mentions, search_program
from correo.wire.imap.sources import Source, read_sources

if TYPE_CHECKING:
    from correo.access.imap.session import ImapSession

_SELECTED = Source("SELECTED")


class Search(NamedTuple):
    sources: tuple[Source, ...]
    key: Key
    results: Results


def parse(args: Arguments) -> Search | Unreadable:
    sources = read_sources(args.sp())
    results = read_results(args, PARSERS) or ALL
    if "SAVE" in results and set(sources) != {_SELECTED}:  # RFC 7377 §2.2
        raise SyntaxFault("what is saved is of the selected mailbox alone")
    try:
        key = search_program(args)
        args.end()
    except SyntaxFault as fault:
        return unless_saved(fault, results)
    results.check(key)
    return Search(sources, key, results)


async def run(session: ImapSession, search: Search | Unreadable) -> Responses:
    """A mailbox in which nothing is found is not told of, and neither is one that does not exist."""
    selected = session.selected
    if isinstance(search, Unreadable):
        yield unreadable(session.mailbox.view, search) if selected else bad("Select a mailbox first")
        return
    updates = "UPDATE" in search.results
    if selected is None and (updates or _SELECTED in search.sources):
        yield bad("Select a mailbox first")
        return
    if selected is not None and updates and session.tag in selected.contexts:
        yield TAG_REUSED
        return
    if mentions(search.key, ModSeq):
        yield condstore.enabling(session)
    current = selected.access if selected else None
    await session.unsent.look(session)
    found_in = await session.services.db.read(chosen, session.owner, search.sources, current)
    if len(found_in) > 1 and (
        refusal := too_many_to_search(session, (place.box.messages for place in found_in))
    ):
        yield refusal
        return
    limited = Limited([])
    session.progress.expect(sum(place.box.messages for place in found_in))
    for place in found_in:
        box = place.box
        if selected is not None and box.id == selected.mailbox_id:
            where = selected
        else:
            uids = await session.read(box.messages, readable, place.access)
            where = Selected.of(place.access, box, uids, read_only=True, enabled=set())
        key, limited = searched(session, where.view, search.key)
        found = await find(session, where, key, hit)
        session.progress.passed(len(where.view))
        note = b""
        if where is selected:  # before `answer` saves its own: `$` in the key is what was saved before
            ranks: dict[int, Rank] = dict.fromkeys(found, ())
            note = keep_up_to_date(session, search.key, search.results, (), ranks, uid=True)
        if found or where is selected:
            yield _told(session, place, where, found, search) + note
    for ending in limited.ending(replace(ok("Searched"), numbers_stay=mentions(search.key, Numbers))):
        yield ending


def _told(
    session: ImapSession, place: Place, where: Selected, found: dict[int, Hit], search: Search
) -> bytes:
    modseq = highest(found, search.results) if mentions(search.key, ModSeq) else 0
    told = answer(
        session.tag,
        where.view,
        found,
        search.results,
        uid=True,
        modseq=modseq,
        where=b" MAILBOX %b UIDVALIDITY %d"
        % (encode.mailbox(place.name, utf8=session.core.utf8), place.box.uidvalidity),
    )
    return told if found else b""


async def chosen(tx: Tx, account: Account, sources: Sequence[Source], selected: Access | None) -> list[Place]:
    """Each mailbox that may be read once, in the order of LIST."""
    known = await places.listed(tx, account)
    if selected is not None and all(place.box.id != selected.mailbox_id for place in known):
        # It may be read, but is not for LIST to tell.
        known += [place] if (place := await places.at(tx, account, selected)) else []
    subscribed = set(await mailbox.subscriptions(tx, account.id))
    levels = _Levels(known)
    wanted: set[int] = set()
    for source in sources:
        match source.what:
            case "SELECTED":
                wanted.update([selected.mailbox_id] if selected else ())
            case "INBOXES":
                wanted.update(levels.named(INBOX))
            case "PERSONAL":
                wanted.update(place.box.id for place in known if place.access.own)
            case "SUBSCRIBED":
                wanted.update(place.box.id for place in known if place.name in subscribed)
            case what:
                for name in source.names:
                    wanted.update(levels.of(canonical(name), what))
    return [place for place in known if place.box.id in wanted and "r" in place.rights]


async def readable(tx: Tx, access: Access) -> list[int]:
    """Its messages; none where the right to read it was taken away since the mailboxes were chosen."""
    return await mailbox.uids(tx, access.mailbox_id) if "r" in await granted(tx, access) else []


class _Levels:
    """The mailboxes by name, and by the names above theirs."""

    def __init__(self, known: Sequence[Place]) -> None:
        self._ids = {place.name: place.box.id for place in known}
        self._children: dict[str, list[str]] = {}
        seen: set[str] = set()
        for name in self._ids:
            while SEPARATOR in name and name not in seen:
                seen.add(name)
                above = name.rpartition(SEPARATOR)[0]
                self._children.setdefault(above, []).append(name)
                name = above

    def named(self, name: str) -> Iterator[int]:
        if name in self._ids:
            yield self._ids[name]

    def of(self, name: str, what: str) -> Iterator[int]:
        """For MAILBOXES the one, for SUBTREE-ONE those one level below too, for SUBTREE all that are below."""
        names = [name]
        if what == "SUBTREE-ONE":
            names += self._children.get(name, [])
        elif what == "SUBTREE":
            for above in names:
                names += self._children.get(above, [])
        for one in names:
            yield from self.named(one)


ROWS = (Command("ESEARCH", LOGGED_IN, parse, with_filters(run), rfc=7377, capability=always("MULTISEARCH")),)
