"""Where a search has to look at all: what flags, or the index of texts, say for certain not to match is never read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from correo import mailbox
from correo.access.imap.selected import Selected
from correo.access.imap.view import View
from correo.mail.flags import SYSTEM
from correo.mail.message import folded
from correo.mailbox.indexing import content_of
from correo.storage.index import AllOf, AnyOf, Wanted
from correo.storage.index.wanted import SHORTEST
from correo.wire.imap.search import And, Body, Flag, Header, Key, Not, Or, Text

if TYPE_CHECKING:
    from correo.access.imap.session import ImapSession

FEW = 64  # messages: these are looked through as soon as anybody is asked

_BITS = {name.lower(): bit for name, bit in SYSTEM.items()}


async def narrowed(session: ImapSession, selected: Selected, key: Key, where: list[range]) -> list[range]:
    """Of the positions in `where` those that may match; nothing that matches is left out."""
    if sum(map(len, where)) <= FEW:
        return where
    where = await _by_flags(session, selected, key, where)
    return await _by_texts(session, selected, key, where)


async def _by_flags(session: ImapSession, selected: Selected, key: Key, where: list[range]) -> list[range]:
    mask, bits = flags_of(key)
    view = selected.view
    if not mask or selected.reader != mailbox.OWNER or where != [range(len(view))]:
        return where
    uids = await session.services.db.scan(mailbox.flagged, selected.mailbox_id, mask, bits)
    return where if len(uids) > len(view) // 2 else _runs(view, uids)


async def _by_texts(session: ImapSession, selected: Selected, key: Key, where: list[range]) -> list[range]:
    index, wanted = session.services.index, sought(key)
    if index is None or wanted is None or sum(map(len, where)) <= FEW:
        return where
    view = selected.view
    uids, ids = await session.services.db.scan(content_of, selected.mailbox_id, view.ranges(where))
    suspects = await index.suspects(ids, wanted)
    if len(suspects) > len(ids) // 2:  # to read all of them in one go costs no more
        return where
    return _runs(view, [uid for uid, id in zip(uids, ids, strict=True) if id in suspects])


def _runs(view: View, uids: list[int]) -> list[range]:
    return view.runs(uid for uid in uids if view.number(uid))


def flags_of(key: Key) -> tuple[int, int]:
    """A mask, and what flags that match must be under it: of the system flags that the key asks for besides all else."""
    mask = bits = 0
    for part in key.keys if isinstance(key, And) else (key,):
        flag = part.key if isinstance(part, Not) else part
        bit = _BITS.get(flag.name.lower(), 0) if isinstance(flag, Flag) else 0
        if not mask & bit:
            mask |= bit
            bits |= 0 if isinstance(part, Not) else bit
    return mask, bits


def sought(key: Key) -> Wanted | None:
    """What a text must hold for the key to match, as far as an index can know; None where that is nothing."""
    match key:
        case Body(text=text) | Text(text=text) | Header(text=text):
            needle = folded(text)
            return needle if len(needle) >= SHORTEST else None
        case And(keys=keys):
            parts = tuple(part for part in map(sought, keys) if part is not None)
            return AllOf(parts) if parts else None
        case Or(keys=keys):
            return _any(keys)
        case _:
            return None


def _any(keys: Sequence[Key]) -> Wanted | None:
    parts: list[Wanted] = []
    for key in keys:
        part = sought(key)
        if part is None:
            return None
        parts.append(part)
    return AnyOf(tuple(parts))
