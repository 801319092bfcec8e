"""Results of searches that are kept up to date for the client (RFC 5267 §4.3): what it is told when messages come, change and go.

A message is looked at again when it arrives or its flags change. What its place among others depends on never changes, so a
sorted result needs no more than that.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from correo.access.imap.selected import Selected
from correo.access.imap.sorting import Criteria, Rank, in_order, ranked
from correo.access.imap.view import View
from correo.access.imap.wishes import Items, note
from correo.wire.imap import encode
from correo.wire.imap.results import esearch
from correo.wire.imap.results import in_order as as_set
from correo.wire.imap.search import And, Fuzzy, Key, Not, Numbers, Or, Saved, Uids
from correo.wire.imap.types import SequenceSet

if TYPE_CHECKING:
    from correo.access.imap.session import ImapSession

MAX_CONTEXTS = 8  # of one session; a sorted one costs some hundred octets a message. Clients show one mailbox in one order


@dataclass(slots=True)
class Context:
    """`order` are UIDs: that of the mailbox where there are no criteria."""

    key: Key
    uid: bool  # the client wants UIDs, not numbers
    criteria: Criteria
    ranks: dict[int, Rank]
    order: list[int]
    items: Items = ()  # of new messages, to be told with ADDTO (RFC 5465 §7)


def open_context(
    selected: Selected,
    tag: str,
    key: Key,
    criteria: Criteria,
    ranks: dict[int, Rank],
    items: Items = (),
    *,
    uid: bool,
) -> bool:
    """From now on changes of this result are told; `ranks` by number. False where there are too many already."""
    view = selected.view
    if len(selected.contexts) >= MAX_CONTEXTS:
        return False
    by_uid = {view.uids[number - 1]: rank for number, rank in ranks.items()}
    order = in_order(by_uid, by_uid, criteria)
    selected.contexts[tag] = Context(frozen(key, view), uid, criteria, by_uid, order, items)
    if view.touched is None:
        view.touched = set()
    return True


def close_context(selected: Selected, tag: str) -> None:
    del selected.contexts[tag]
    if not selected.contexts:
        selected.view.touched = None


def give_up(selected: Selected) -> list[bytes]:
    """More came than can be told of new messages one by one: the results that want it are not kept up to date any more."""
    tags = [tag for tag, context in selected.contexts.items() if context.items]
    for tag in tags:
        close_context(selected, tag)
    return [encode.no(encode.UNTAGGED, "Too many messages are new", f'NOUPDATE "{tag}"') for tag in tags]


def frozen(key: Key, view: View) -> Key:
    """The same with UIDs in place of what stands for other messages later: numbers, and `$`."""
    match key:
        case And(keys):
            return And(tuple(frozen(part, view) for part in keys))
        case Or(keys):
            return Or(tuple(frozen(part, view) for part in keys))
        case Not(inner):
            return Not(frozen(inner, view))
        case Fuzzy(inner):
            return Fuzzy(frozen(inner, view))
        case Numbers(numbers):
            return Uids(SequenceSet.from_numbers(numbers.pick(view.uids)))
        case Saved():
            return Uids(view.saved)
    return key


def expunged(selected: Selected, gone: Collection[int]) -> list[bytes]:
    """REMOVEFROM for messages about to lose their numbers, which therefore comes before EXPUNGE (RFC 5267 §4.3.4)."""
    told: list[bytes] = []
    for tag, context in selected.contexts.items():
        removed = [uid for uid in gone if uid in context.ranks]
        if removed:
            told.append(_told(tag, context, selected.view, _remove(context, removed)))
    return told


async def refresh(session: ImapSession, selected: Selected) -> list[bytes]:
    """ADDTO and REMOVEFROM for messages that came or were changed since the last time."""
    view = selected.view
    if not view.touched:
        return []
    arrived = frozenset(selected.arrived)
    touched = sorted(uid for uid in view.touched if view.number(uid) and uid not in view.gone)
    wanted = Uids(SequenceSet.from_numbers(touched))
    told: list[bytes] = []
    for tag, context in selected.contexts.items():
        found = await ranked(session, selected, context.criteria, And((wanted, context.key)))
        matching = {view.uids[number - 1]: one.rank for number, one in found.items()}
        removed = [uid for uid in touched if uid in context.ranks and uid not in matching]
        added = {uid: rank for uid, rank in matching.items() if uid not in context.ranks}
        if context.items:
            note(selected.fresh, added.keys() & arrived, context.items)
        items = (_remove(context, removed) if removed else []) + (_add(context, added) if added else [])
        if items:
            told.append(_told(tag, context, view, items))
    view.touched.clear()
    return told


Item = tuple[str, list[tuple[int, list[int]]]]  # ADDTO or REMOVEFROM, and for each position the UIDs


def _remove(context: Context, uids: Iterable[int]) -> list[Item]:
    """Positions count down, so that each is true when the client comes to it."""
    going = set(uids)
    places = [at for at, uid in enumerate(context.order, 1) if uid in going]
    pairs = [(run[0], [context.order[at - 1] for at in run]) for run in _runs(places)]
    context.order = [uid for uid in context.order if uid not in going]
    for uid in going:
        del context.ranks[uid]
    return [("REMOVEFROM", pairs[::-1] if context.criteria else [(0, sorted(going))])]


def _add(context: Context, coming: dict[int, Rank]) -> list[Item]:
    context.ranks.update(coming)
    context.order = in_order(context.ranks, context.ranks, context.criteria)
    if not context.criteria:
        return [("ADDTO", [(0, sorted(coming))])]
    places = [at for at, uid in enumerate(context.order, 1) if uid in coming]
    return [("ADDTO", [(run[0], [context.order[at - 1] for at in run]) for run in _runs(places)])]


def _runs(places: Sequence[int]) -> list[list[int]]:
    runs: list[list[int]] = []
    for at in places:
        if runs and runs[-1][-1] == at - 1:
            runs[-1].append(at)
        else:
            runs.append([at])
    return runs


def _told(tag: str, context: Context, view: View, items: Iterable[Item]) -> bytes:
    spelled: list[tuple[str, str]] = []
    for name, pairs in items:
        words = [f"{at} {as_set(uids if context.uid else map(view.number, uids))}" for at, uids in pairs]
        spelled.append((name, f"({' '.join(words)})"))
    return esearch(tag, context.uid, spelled)
