"""MESSAGELIMIT and SAVELIMIT (RFC 9738): how many messages one command may touch, where the operator sets a limit.

Of more messages the newest are dealt with, and the client is told the lowest UID among them, from which it goes on downwards. What
must be done wholly or not at all is refused. EXPUNGE, CLOSE and STATUS know no limit (RFC 9738 §3.1).
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from correo import mailbox
from correo.access.imap.responses import Completion, Response, Status, no
from correo.access.imap.searching import candidates
from correo.access.imap.selected import Selected
from correo.access.imap.view import View, part, slices
from correo.mail.flags import DELETED
from correo.wire.imap import encode
from correo.wire.imap.results import Window
from correo.wire.imap.search import And, Key, Uids
from correo.wire.imap.types import SequenceSet

if TYPE_CHECKING:
    from correo.access.imap.options import ImapOptions
    from correo.access.imap.session import ImapSession

SLICE = 500  # rows of one read: half a millisecond
_MORE = "Only the newest messages, one command may not touch more"
_TOO_MANY = "One command may not touch so many messages"


@dataclass(frozen=True, slots=True)
class Limited:
    """Where the messages stand that may be touched; `code` says that these are not all that the command names."""

    spans: list[range]
    code: str = ""

    def ending(self, completion: Completion) -> list[Response]:
        """The tagged response, and before it what has no room in it: there is one code in each (RFC 9738 §3.1)."""
        if not self.code:
            return [completion]
        if completion.code or completion.status is not Status.OK:
            return [encode.no(encode.UNTAGGED, _MORE, self.code), completion]
        return [replace(completion, code=self.code, text=_MORE)]


def newest(session: ImapSession, view: View, spans: list[range]) -> Limited:
    """Of the messages of a FETCH, STORE or MOVE."""
    limit, count = session.services.options.message_limit, sum(map(len, spans))
    if not limit or count <= limit:
        return Limited(spans)
    kept = part(spans, range(count - limit, count))
    return Limited(kept, _code(limit, view.uids[kept[0].start]))


async def deleted(session: ImapSession, selected: Selected, spans: list[range]) -> Limited:
    """Of the messages of a UID EXPUNGE, of which those that are \\Deleted count."""
    limit, view = session.services.options.message_limit, selected.view
    if not limit or sum(map(len, spans)) <= limit:
        return Limited(spans)
    found: list[int] = []
    for some in reversed(list(slices(spans, SLICE))):
        await asyncio.sleep(0)
        rows = await session.services.db.read(
            mailbox.fetch_rows, selected.mailbox_id, view.ranges(some), (), selected.reader
        )
        found += [row.uid for row in reversed(rows) if row.flags & DELETED]
        if len(found) > limit:
            return Limited(view.runs(reversed(found[:limit])), _code(limit, found[limit - 1]))
    return Limited(spans)


def searched(session: ImapSession, view: View, key: Key) -> tuple[Key, Limited]:
    """The same search of no more messages than may be looked at, whether they match or not."""
    limited = newest(session, view, candidates(key, view))
    if not limited.code:
        return key, limited
    return And((Uids(SequenceSet.of(view.ranges(limited.spans))), key)), limited


def too_many_to_order(session: ImapSession, view: View, key: Key) -> Completion | None:
    """SORT and THREAD of some of the messages would be wrong, not incomplete (RFC 9738 §3.3)."""
    _, limited = searched(session, view, key)
    return _refusal(session.services.options.message_limit) if limited.code else None


def too_many_to_search(session: ImapSession, sizes: Iterable[int]) -> Completion | None:
    """Of several mailboxes there is no one UID to go on from."""
    limit = session.services.options.message_limit
    return _refusal(limit) if limit and sum(sizes) > limit else None


def too_wide(session: ImapSession, window: Window) -> Completion | None:
    limit = session.services.options.message_limit
    return _refusal(limit) if limit and abs(window.last - window.first) >= limit else None


def too_many_to_copy(session: ImapSession, view: View, spans: list[range]) -> Completion | None:
    limit, count = save_limit(session.services.options), sum(map(len, spans))
    if not limit or count <= limit:
        return None
    return no(_TOO_MANY, _code(limit, view.uids[part(spans, range(count - limit, count))[0].start]))


def too_many_to_append(session: ImapSession, count: int) -> Completion | None:
    limit = save_limit(session.services.options)
    return _refusal(limit) if limit and count > limit else None


def save_limit(options: ImapOptions) -> int:
    """0 for none; the limit for all commands is one for COPY and APPEND too."""
    return min(filter(None, (options.message_limit, options.save_limit)), default=0)


def capability(session: ImapSession) -> list[str]:
    """One of the two (RFC 9738 §3)."""
    options = session.services.options
    if options.message_limit:
        return [f"MESSAGELIMIT={options.message_limit}"]
    return [f"SAVELIMIT={options.save_limit}"] if options.save_limit else []


def _refusal(limit: int) -> Completion:
    return no(_TOO_MANY, f"MESSAGELIMIT {limit}")


def _code(limit: int, lowest: int) -> str:
    return f"MESSAGELIMIT {limit} {lowest}"
