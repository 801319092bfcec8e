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
from correo.wire.imap.fetch import Attribute, BodySection, Text
from correo.wire.imap.types import SequenceSet

if TYPE_CHECKING:
    from correo.access.imap.session import ImapSession

AT_ONCE = 100  # messages that are told before the client has taken them; the others follow
HEADERS_AT_ONCE = 10  # where fields are wanted, which may be some hundred KB
BODIES_AT_ONCE = 1
MAX_FRESH = 1_000  # messages that wait to be told; who gets more should ask for them

_HEADERS = (Text.HEADER, Text.FIELDS, Text.FIELDS_NOT, Text.MIME)


async def push(session: ImapSession, selected: Selected, told: list[bytes]) -> None:
    """Add the next of them to `told`; the session wakes itself where there are more."""
    if len(selected.fresh) > MAX_FRESH:
        selected.fresh.clear()
        told += contexts.give_up(selected)
        if session.watch is not None and session.watch.interest.items:
            told += watching.overflow(session)
        return
    await _leave_out_own(session, selected)
    limit = session.services.options.message_limit
    for items, uids in _groups(selected, min(AT_ONCE, limit or AT_ONCE)):
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


def _groups(selected: Selected, room: int) -> list[tuple[Items, list[int]]]:
    """Messages of which the same is told; `room`: how many may be told at once."""
    found: dict[Items, list[int]] = {}
    for uid, items in sorted(selected.fresh.items()):
        room -= AT_ONCE // _at_once(items)
        found.setdefault(items, []).append(uid)
        if room <= 0:
            break
    return list(found.items())


def _at_once(items: Items) -> int:
    octets = [item for item in items if not isinstance(item, Attribute)]
    if not octets:
        return AT_ONCE
    headers = all(isinstance(item, BodySection) and item.section.text in _HEADERS for item in octets)
    return HEADERS_AT_ONCE if headers else BODIES_AT_ONCE
