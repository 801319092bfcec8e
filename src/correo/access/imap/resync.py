"""Telling a client that was away what it missed: QRESYNC in SELECT, and VANISHED in UID FETCH (RFC 7162 §3.2.5, §3.2.6)."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING

from correo import mailbox
from correo.access.imap import sync
from correo.access.imap.selected import Selected
from correo.access.imap.view import Messages, View, slices
from correo.mailbox import MAX_UID, Changes, ranges
from correo.mailbox.ranges import Range, Ranges
from correo.wire.imap import encode
from correo.wire.imap.resync import Resync

if TYPE_CHECKING:
    from correo.access.imap.session import ImapSession


async def missed(session: ImapSession, known: Resync, changes: Changes) -> AsyncGenerator[bytes, None]:
    """Between the untagged responses of SELECT and its OK. `changes`: since the client's mod-sequence."""
    selected = session.mailbox
    view = selected.view
    wanted: Ranges = ((1, MAX_UID),) if known.known is None else known.known.ranges
    settled = known.settled(view.uids)
    gone = earlier(view, ranges.without(changes.expunged, [(1, settled)] if settled else []), wanted)
    if gone:
        yield encode.vanished(gone, earlier=True)
    inside = [range(bisect_left(view.uids, low), bisect_right(view.uids, high)) for low, high in wanted]
    for spans in slices(touched(view, inside, changes), sync.SLICE):
        yield await _flags(session, selected, spans)


async def changed_since(
    session: ImapSession, messages: Messages, where: list[range], since: int
) -> tuple[bytes, list[range]]:
    """CHANGEDSINCE of FETCH: which of the messages it names, and the VANISHED that goes with them."""
    selected = session.mailbox
    view = selected.view
    behind = view.modseq - since  # changes of the account since then, at least as many as of this mailbox
    count = max(len(view), behind) if behind > 0 else 0
    changes = await session.read(count, mailbox.changes, selected.mailbox_id, since, selected.reader)
    members = view.saved if messages.saved else messages.members
    # Those that were the last when they went lie beyond the last that is left.
    wanted = ranges.merged((*members.resolve(view.uids[-1] if view.uids else 0), *members.resolve(MAX_UID)))
    gone = earlier(view, changes.expunged, wanted)
    return encode.vanished(gone, earlier=True) if gone else b"", touched(view, where, changes)


def touched(view: View, spans: list[range], changes: Changes) -> list[range]:
    """Where those among `spans`, which ascend, stand that came or changed."""
    uids = sorted((*changes.appended, *changes.flagged))
    found: list[range] = []
    for span in spans:
        if not span:
            continue
        first = bisect_left(uids, view.uids[span.start])
        last = bisect_right(uids, view.uids[span.stop - 1], first)
        found += view.runs(uid for uid in uids[first:last] if view.number(uid))
    return found


def earlier(view: View, expunged: Ranges, wanted: Ranges) -> list[Range]:
    """What VANISHED (EARLIER) tells: of `wanted`, what has gone and has no number.

    What has gone and still has one comes in a VANISHED of the other kind, which takes the number away (RFC 7162 §3.2.10).
    """
    gone = ranges.without(wanted, ranges.without(wanted, expunged))
    numbered = [
        uid
        for low, high in gone
        for uid in view.uids[bisect_left(view.uids, low) : bisect_right(view.uids, high)]
    ]
    return ranges.without(gone, ranges.of(numbered)) if numbered else gone


async def _flags(session: ImapSession, selected: Selected, spans: list[range]) -> bytes:
    uids = selected.view.ranges(spans)
    reader = selected.reader
    rows = await session.services.db.read(mailbox.fetch_rows, selected.mailbox_id, uids, (), reader)
    fresh = selected.announced.news({row.keywords for row in rows})
    return fresh + b"".join([sync.flags_response(selected, row, uid=True) for row in rows])
