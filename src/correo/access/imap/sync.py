"""Bringing a client's picture of its mailbox up to date: what others did, and what its own commands did."""

from __future__ import annotations

from collections.abc import Sequence

from correo import mailbox
from correo.access.imap import contexts
from correo.access.imap.flags import flags_item
from correo.access.imap.selected import Selected
from correo.access.imap.view import View, slices
from correo.mail.errors import Kind, Refused
from correo.mailbox import Fetched, ranges
from correo.storage.db import Database, Tx
from correo.wire.imap import encode

SLICE = 500  # rows of one read: half a millisecond


async def news(db: Database, selected: Selected, *, expunges: bool) -> list[bytes]:
    """Untagged responses for all that happened since the last time; without `expunges` those that renumber are kept back.

    Costs one point read when nothing happened. Sets `selected.vanished` when the mailbox is no more.
    """
    view = selected.view
    changes = await db.read(mailbox.changes, selected.mailbox_id, view.modseq)
    if not changes.exists:
        selected.vanished = True
        return []
    view.absorb(changes)
    told: list[bytes] = []
    recent = view.recent
    if expunges:
        told += _expunged(selected)
    if view.has_arrivals:
        told.append(await _arrivals(db, selected))
    elif view.recent != recent:  # EXPUNGE says nothing of it (RFC 3501 §7.3.2)
        told.append(encode.recent(view.recent))
    changed = view.take_changed()
    if changed:
        told += await _changed_flags(db, selected, changed)
    if not view.gone:
        view.told = view.modseq
    elif selected.condstore:
        # A client that goes on from the MODSEQs it was told would never hear of what is kept back (RFC 7162 §3.2, §6).
        selected.owes_highest = True
    return told


def _expunged(selected: Selected) -> list[bytes]:
    gone = sorted(selected.view.gone)
    told = contexts.expunged(selected, gone)
    numbers = selected.view.take_expunged()
    if not selected.qresync:
        return told + [encode.expunge(number) for number in numbers]
    if not gone:
        return []
    selected.owes_highest = True  # VANISHED has no MODSEQ of its own
    return [*told, encode.vanished(ranges.of(gone))]


async def recent_of(db: Database, mailbox_id: int, *, read_only: bool) -> tuple[int, int]:
    """The first and last UID that are \\Recent to this session; if it may write, to no other after it (RFC 3501 §2.3.2)."""
    box = await db.read(mailbox.get, mailbox_id)
    if box is None or box.recent >= box.uidnext:
        return 1, 0
    if read_only:
        return box.recent, box.uidnext - 1
    try:
        return await db.write(take_recent, mailbox_id)
    except Refused as refused:
        if refused.kind in (Kind.UNAVAILABLE, Kind.NOT_FOUND):
            return 1, 0  # a full disk must not keep anybody from reading
        raise


async def take_recent(tx: Tx, mailbox_id: int) -> tuple[int, int]:
    first = await mailbox.take_recent(tx, mailbox_id)
    box = await mailbox.get(tx, mailbox_id)
    return first, (box.uidnext if box else first) - 1


async def _arrivals(db: Database, selected: Selected) -> bytes:
    view = selected.view
    view.take_arrived()
    view.add_recent(*await recent_of(db, selected.mailbox_id, read_only=selected.read_only))
    return encode.exists(len(view)) + encode.recent(view.recent)


async def _changed_flags(db: Database, selected: Selected, uids: Sequence[int]) -> list[bytes]:
    view = selected.view
    told: list[bytes] = []
    for spans in slices(view.runs(uids), SLICE):
        rows = await db.read(mailbox.fetch_rows, selected.mailbox_id, view.ranges(spans), ())
        told.append(selected.announced.news({row.keywords for row in rows}))
        told += [flags_response(selected, row, uid=True) for row in rows]
    return told


def flags_response(selected: Selected, row: Fetched, *, uid: bool) -> bytes:
    """FETCH with the flags of a message, and its UID in what a UID command causes (RFC 3501 §6.4.8) or nobody asked for."""
    view = selected.view
    flags = flags_item(row.flags, row.keywords, view.is_recent(row.uid))
    if selected.condstore:
        return encode.fetch_response(view.number(row.uid), (b"UID %d" % row.uid, flags, modseq_item(row)))
    items = (b"UID %d" % row.uid, flags) if uid else (flags,)
    return encode.fetch_response(view.number(row.uid), items)


def modseq_response(view: View, row: Fetched) -> bytes:
    """FETCH for a client that knows the flags (RFC 7162 §3.1.3)."""
    return encode.fetch_response(view.number(row.uid), (b"UID %d" % row.uid, modseq_item(row)))


def modseq_item(row: Fetched) -> bytes:
    return b"MODSEQ (%d)" % row.modseq
