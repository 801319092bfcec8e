"""FETCH responses for new messages of the selected mailbox that nobody asks for one by one (RFC 5465 §5.2, §7)."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING

from correo import mailbox
from correo.access.imap import contexts, watching
from correo.access.imap.commands import fetch
from correo.access.imap.selected import Selected
from correo.access.imap.view import Messages, within
from correo.access.imap.wishes import Items
from correo.mailbox import Fetched
from correo.wire.imap.fetch import Attribute, BinarySection, BodySection, FetchItem, Text
from correo.wire.imap.types import SequenceSet

if TYPE_CHECKING:
    from correo.access.imap.session import ImapSession

AT_ONCE = 100  # messages that are told before the client has taken them; the others follow
OCTETS_AT_ONCE = 1024 * 1024  # held for a client that may never read; it can fetch what is longer
MAX_FRESH = 1_000  # messages that wait to be told; who gets more should ask for them

_HEADERS = (Text.HEADER, Text.FIELDS, Text.FIELDS_NOT)
_STRUCTURES = ("BODY", "BODYSTRUCTURE")
_NO_MORE = (Attribute("UID"),)  # of a message of which only octets were wanted


async def push(session: ImapSession, selected: Selected, told: list[bytes]) -> None:
    """Add the next of them to `told`; the session wakes itself where there are more."""
    if len(selected.fresh) > MAX_FRESH:
        selected.fresh.clear()
        told += contexts.give_up(selected)
        if session.watch is not None and session.watch.interest.items:
            told += watching.overflow(session)
        return
    await _leave_out_own(session, selected)
    for items, uids in (await _next(session, selected)).items():
        request = fetch.Fetch(Messages(SequenceSet.from_numbers(uids), uid=True), items)
        async with aclosing(fetch.run(session, request)) as responses:
            told += [response async for response in responses if isinstance(response, bytes)]
        for uid in uids:
            del selected.fresh[uid]
    if selected.fresh:
        session.wake()


async def _leave_out_own(session: ImapSession, selected: Selected) -> None:
    """RFC 5465 §5.2: not what this client brought itself."""
    account_id, mailbox_id = selected.access.account_id, selected.mailbox_id
    spans = session.own.of(account_id) if session.own else []
    if spans:
        mine = await session.services.db.read(mailbox.appended, account_id, mailbox_id, spans)
        for uid in [uid for uid in selected.fresh if within(mine, uid)]:
            del selected.fresh[uid]


async def _next(session: ImapSession, selected: Selected) -> dict[Items, list[int]]:
    """The messages that are told now, by what is told of them."""
    most = min(AT_ONCE, session.services.options.message_limit or AT_ONCE)
    waiting = sorted(selected.fresh.items())[:most]
    ranges = SequenceSet.from_numbers(uid for uid, _ in waiting).ranges
    rows = await session.services.db.read(
        mailbox.fetch_rows, selected.mailbox_id, ranges, ("header_size",), selected.reader
    )
    known = {row.uid: row for row in rows}
    found: dict[Items, list[int]] = {}
    room = OCTETS_AT_ONCE
    for uid, wanted in waiting:
        row, items = known.get(uid), wanted
        if row is not None:
            attributes = tuple(item for item in wanted if isinstance(item, Attribute))
            if _length(items, row) - _length(attributes, row) > OCTETS_AT_ONCE:
                items = attributes or _NO_MORE
            room -= _length(items, row)
        if room < 0 and found:
            break
        found.setdefault(items, []).append(uid)
    return found


def _length(items: Items, row: Fetched) -> int:
    """About how many octets the answer may have."""
    return sum(_length_of(item, row) for item in items)


def _length_of(item: FetchItem, row: Fetched) -> int:
    if isinstance(item, Attribute):
        if item.name in _STRUCTURES:  # they tell the headers of embedded messages, but no more
            return min(row.size, OCTETS_AT_ONCE // 4)
        return row.header_size if item.name == "ENVELOPE" else 0
    if isinstance(item, BinarySection) and item.size_only:
        return 0
    if isinstance(item, BodySection) and not item.section.path and item.section.text in _HEADERS:
        longest = row.header_size
    else:
        longest = row.size
    return longest if item.partial is None else min(longest, item.partial.size)
