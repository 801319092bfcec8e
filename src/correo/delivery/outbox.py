"""What an account has submitted and still waits, as messages of its Outbox; and what becomes of it when one is removed there.

The Outbox is brought up to date when somebody looks, never when mail is sent or settled: `differing` finds what is to be done, and
`bring` does it, some messages in a transaction. A message cannot change (RFC 3501 §2.3.1.1): of one that stands differently now the
old one goes, and a new one comes. What is marked to be removed stays as it is, so that it can be removed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from correo import ledger, mailbox, queue
from correo.clock import Chance
from correo.delivery.progress import MAX_TOLD, progress, submitted
from correo.ledger import Event
from correo.mail.errors import Kind, Refused
from correo.mail.flags import DELETED, Flags
from correo.mailbox import Mailbox, Ranges, Rights, Shown
from correo.queue import Selection, Standing
from correo.storage.db import Tx

LOT = 64  # messages in one transaction: some milliseconds
MANY = 500  # recipients that are read in passing; more are for a thread
CANCELLED = "cancelled: by its sender"  # the rule under which is discarded what its sender takes back


@dataclass(frozen=True, slots=True)
class Removed:
    """UIDs, ascending: of what is gone, and of what cannot be taken back any more, for somebody is sending it at this moment."""

    uids: list[int]
    under_way: list[int]
    cancelled: list[int]  # ids in the queue of what was still waiting there


NOTHING = Removed([], [], [])


@dataclass(frozen=True, slots=True)
class Taken:
    """Copies in another mailbox: pairs of the UID in the Outbox and of the copy."""

    uidvalidity: int
    pairs: list[tuple[int, int]]
    under_way: list[int]
    cancelled: list[int]  # as in Removed


async def differing(tx: Tx, account_id: int) -> list[int] | int:
    """The messages (ids of the queue) of which the Outbox does not show how they stand; or how many recipients would have to be read
    for that, where they are MANY."""
    waiting = await queue.waiting(tx, account_id)
    return await differing_of_many(tx, account_id) if waiting <= MANY else waiting


async def differing_of_many(tx: Tx, account_id: int) -> list[int]:
    """The same, however many; for `scan`."""
    box = await mailbox.outbox(tx, account_id)
    if box is None:
        return []
    shown = {one.source: one for one in await mailbox.shown(tx, box.id)} if box.messages else {}
    marked = await _marked(tx, box)
    standing = {one.id: one.version for one in await queue.standing(tx, account_id)}
    changed = [id for id, version in standing.items() if _differs(shown.get(id), version, marked)]
    return sorted([*changed, *(source for source in shown if source not in standing)])


async def bring(tx: Tx, account_id: int, ids: Sequence[int], chance: Chance, now: int) -> None:
    """Show how these messages stand now; at most LOT of them."""
    box = await mailbox.outbox(tx, account_id)
    if box is None:
        return
    marked = await _marked(tx, box)
    standing = {one.id: one for one in await queue.standing(tx, account_id, ids)}
    gone: list[int] = []
    fresh: list[Standing] = []
    for id in ids:
        shown, now_standing = await mailbox.shown_of(tx, box.id, id), standing.get(id)
        if now_standing is not None and not _differs(shown, now_standing.version, marked):
            continue
        gone += [shown.uid] if shown else []
        fresh += [now_standing] if now_standing else []
    await mailbox.hide(tx, box.id, sorted(gone), now)
    for one in fresh:
        await _show(tx, box, one, chance, now)


def _differs(shown: Shown | None, version: str, marked: set[int]) -> bool:
    return shown is None or (shown.version != version and shown.uid not in marked)


async def _marked(tx: Tx, box: Mailbox) -> set[int]:
    return set(await mailbox.flagged(tx, box.id, DELETED, DELETED)) if box.deleted else set()


async def _show(tx: Tx, box: Mailbox, one: Standing, chance: Chance, now: int) -> None:
    try:
        header = submitted(await mailbox.header(tx, one.content_id), one.skip)
    except Refused as refused:
        if refused.kind is Kind.NOT_FOUND:
            return
        if refused.kind is not Kind.BROKEN:
            raise
        header = b"\r\n"  # how it stands can be told all the same, and of the others, too
    recipients = await queue.list_recipients(tx, Selection(message_id=one.id), limit=MAX_TOLD)
    front = progress(one.id, recipients, one.recipients)
    content_id = chance.id(now)
    size = await mailbox.rehead(tx, one.content_id, front + header, content_id, now)
    await mailbox.show(
        tx,
        box.id,
        one.id,
        one.version,
        content_id=content_id,
        size=size,
        received=one.created,
        now=now,
    )


# -- what its owner does ---------------------------------------------------------------------------------------------------


async def remove(
    tx: Tx,
    mailbox_id: int,
    ranges: Ranges | None,
    chance: Chance,
    now: int,
    only_deleted: bool = True,
) -> Removed:
    """Take messages of an Outbox out of the queue, as far as they still wait: `mailbox.expunge` for what it shows.

    What somebody is sending at this moment stays, and is told.
    """
    removed = await _cancel(tx, await _chosen(tx, mailbox_id, ranges, only_deleted), chance, now)
    await mailbox.hide(tx, mailbox_id, removed.uids, now)
    return removed


async def copy(
    tx: Tx,
    mailbox_id: int,
    ranges: Ranges,
    target: Mailbox,
    chance: Chance,
    now: int,
    *,
    remove: bool,
    rights: Rights,
    reader: int,
) -> Taken:
    """Put messages of an Outbox into another mailbox as they were submitted, and with `remove` take them back.

    What somebody is sending at this moment is not taken back, and told. What has been sent meanwhile is passed over, as a message
    that exists no more. Raises what `mailbox.append` raises.
    """
    shown = {one.uid: one for one in await mailbox.shown(tx, mailbox_id, ranges)}
    account_id = await _owner(tx, mailbox_id)
    standing = {
        one.id: one for one in await queue.standing(tx, account_id, [one.source for one in shown.values()])
    }
    found = [message for message in await mailbox.messages(tx, mailbox_id, ranges) if message.uid in shown]
    under_way: list[int] = []
    pairs: list[tuple[int, int]] = []
    for message in found:
        waiting = standing.get(shown[message.uid].source)
        if waiting is None:
            continue
        if remove and await queue.is_under_way(tx, waiting.id):
            under_way.append(message.uid)
            continue
        content_id = chance.id(now)
        size = await _plain(tx, waiting, content_id, now)
        appended = await mailbox.append(
            tx,
            target.id,
            content_id=content_id,
            size=size,
            flags=mailbox.allowed(Flags.stored(message.flags, message.keywords), rights),
            received=message.received,
            received_zone=message.received_zone,
            now=now,
            reader=reader,
        )
        pairs.append((message.uid, appended.uid))
    removed = NOTHING
    if remove:
        removed = await _cancel(tx, [shown[uid] for uid, _ in pairs], chance, now)
        await mailbox.hide(tx, mailbox_id, removed.uids, now)
    return Taken(target.uidvalidity, pairs, under_way, removed.cancelled)


async def _plain(tx: Tx, waiting: Standing, id: int, now: int) -> int:
    """Keep the message under `id` as it was submitted; the size of that."""
    header = await mailbox.header(tx, waiting.content_id)
    return await mailbox.rehead(tx, waiting.content_id, submitted(header, waiting.skip), id, now)


async def _owner(tx: Tx, mailbox_id: int) -> int:
    """The account whose Outbox it is. Raises Refused(NOT_FOUND)."""
    box = await mailbox.get(tx, mailbox_id)
    if box is None:
        raise Refused(Kind.NOT_FOUND, f"mailbox {mailbox_id}")
    return mailbox.outbox_of(box.account_id)


async def _chosen(tx: Tx, mailbox_id: int, ranges: Ranges | None, only_deleted: bool) -> list[Shown]:
    marked = set(await mailbox.flagged(tx, mailbox_id, DELETED, DELETED)) if only_deleted else set()
    if only_deleted and not marked:
        return []
    shown = await mailbox.shown(tx, mailbox_id, ranges)
    return [one for one in shown if one.uid in marked or not only_deleted]


async def _cancel(tx: Tx, shown: Iterable[Shown], chance: Chance, now: int) -> Removed:
    """Gone is what has left the queue, now or before."""
    removed = Removed([], [], [])
    for one in shown:
        if await queue.is_under_way(tx, one.source):
            removed.under_way.append(one.uid)
            continue
        if await _withdraw(tx, one.source, chance, now):
            removed.cancelled.append(one.source)
        removed.uids.append(one.uid)
    return removed


async def _withdraw(tx: Tx, message_id: int, chance: Chance, now: int) -> bool:
    """Whether anybody was still waited for."""
    found = False
    while taken := await queue.withdraw(tx, Selection(message_id=message_id)):
        found = True
        for recipient, last in taken:
            await ledger.record(
                tx,
                message_id,
                id=chance.id(now),
                at=now,
                recipient=recipient.folded,
                event=Event.DISCARDED,
                detail=CANCELLED,
            )
            if last:
                await mailbox.orphan(tx, recipient.message.content_id, now)
    return found
