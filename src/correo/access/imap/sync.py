"""Bringing a client's picture of its mailbox up to date: what others did, and what its own commands did."""

from __future__ import annotations

from collections.abc import Sequence

from correo import mailbox
from correo.access.imap import contexts
from correo.access.imap.flags import flags_item
from correo.access.imap.rights import Access, granted, writes
from correo.access.imap.selected import Selected
from correo.access.imap.view import slices
from correo.access.imap.wishes import USUAL, Interest, note
from correo.mailbox import Changes, Fetched, Mailbox, Rights, ranges
from correo.storage.db import Database, Tx
from correo.wire.imap import encode

SLICE = 500  # rows of one read: half a millisecond


async def news(
    db: Database, selected: Selected, *, expunges: bool, interest: Interest = USUAL
) -> list[bytes]:
    """Untagged responses for all that happened since the last time; without `expunges` those that renumber are kept back.

    What the client has no interest in is kept back too, until it has or makes such a change itself.

    Costs one point read when nothing happened. Sets `selected.vanished` when the mailbox is no more, or not to be read any more.
    """
    view = selected.view
    changes, held = await db.read(_look, selected.access, view.modseq)
    if not changes.exists or "r" not in held:
        selected.vanished = True
        return []
    view.absorb(changes)
    told: list[bytes] = []
    if held != selected.rights:
        selected.rights = held
        told.append(selected.announced.changed(held))
    recent = view.recent
    selected.arrived = []
    if expunges and interest.messages:
        told += _expunged(selected)
    if view.has_arrivals and interest.messages:
        told.append(await _arrivals(db, selected, interest))
    elif view.recent != recent and not selected.rev2:  # EXPUNGE says nothing of it (RFC 3501 §7.3.2)
        told.append(encode.recent(view.recent))
    changed = view.take_changed() if interest.flags else []
    if changed:
        told += await _changed_flags(db, selected, changed)
    if not (view.gone or view.changed or view.has_arrivals):
        view.told = view.modseq
    elif selected.condstore:
        # A client that goes on from the MODSEQs it was told would never hear of what is kept back (RFC 7162 §3.2, §6).
        selected.owes_highest = True
    return told


async def _look(tx: Tx, access: Access, since: int) -> tuple[Changes, Rights]:
    return await mailbox.changes(tx, access.mailbox_id, since, access.reader), await granted(tx, access)


async def admitted(db: Database, selected: Selected) -> bool:
    """Whether the mailbox may still be read: asked before each command that reads one of another account."""
    return selected.access.own or "r" in await db.read(granted, selected.access)


def _expunged(selected: Selected) -> list[bytes]:
    gone = sorted(selected.view.gone)
    told = contexts.expunged(selected, gone)
    numbers = selected.view.take_expunged()
    if not selected.vanishes:
        return told + [encode.expunge(number) for number in numbers]
    if not gone:
        return []
    selected.owes_highest = selected.condstore  # VANISHED has no MODSEQ of its own
    return [*told, encode.vanished(ranges.of(gone))]


async def counts(db: Database, selected: Selected, box: Mailbox | None = None) -> bytes:
    """EXISTS, and with it RECENT, which IMAP4rev2 has no more: its sessions leave what is recent to others.

    `box`: as it has just been read, where it has.
    """
    view = selected.view
    if selected.rev2:
        return encode.exists(len(view))
    if not selected.visits:
        box = box or await db.read(mailbox.get, selected.mailbox_id)
        read_only = selected.read_only or not writes(selected.rights)
        if box is not None and box.recent < box.uidnext:
            if read_only:
                view.add_recent(box.recent, box.uidnext - 1)
            else:
                await selected.recency.take(db, selected, box)
    return encode.exists(len(view)) + encode.recent(view.recent)


async def _arrivals(db: Database, selected: Selected, interest: Interest) -> bytes:
    selected.arrived = selected.view.take_arrived()
    if interest.items:
        note(selected.fresh, selected.arrived, interest.items)
    return await counts(db, selected)


async def _changed_flags(db: Database, selected: Selected, uids: Sequence[int]) -> list[bytes]:
    view = selected.view
    told: list[bytes] = []
    for spans in slices(view.runs(uids), SLICE):
        where = view.ranges(spans)
        rows = await db.read(mailbox.fetch_rows, selected.mailbox_id, where, (), selected.reader)
        told.append(selected.announced.news({row.keywords for row in rows}))
        told += [flags_response(selected, row, uid=True) for row in rows]
    return told


def flags_response(selected: Selected, row: Fetched, *, uid: bool) -> bytes:
    """FETCH with the flags of a message, and its UID in what a UID command causes (RFC 3501 §6.4.8) or nobody asked for."""
    items = [flags_item(row.flags, row.keywords, selected.view.is_recent(row.uid))]
    condstore = selected.condstore
    if condstore:
        items.append(modseq_item(row))
    if (uid or condstore) and not selected.uid_only:
        items.insert(0, b"UID %d" % row.uid)
    return selected.fetch_response(row.uid, items)


def modseq_response(selected: Selected, row: Fetched) -> bytes:
    """FETCH for a client that knows the flags (RFC 7162 §3.1.3)."""
    items = (modseq_item(row),) if selected.uid_only else (b"UID %d" % row.uid, modseq_item(row))
    return selected.fetch_response(row.uid, items)


def modseq_item(row: Fetched) -> bytes:
    return b"MODSEQ (%d)" % row.modseq
