"""An Outbox: a mailbox in which the server shows what is kept elsewhere, and which nobody else can put anything into.

It lies in rooms of its own behind those of its account, under the negative id: so it counts against no limit, no name of a mailbox
stands in its way, its changes have a log of their own, and everything that is done with mailboxes can be done with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from correo.clock import Chance
from correo.mail.errors import Kind, Refused
from correo.mail.flags import SEEN, Flags
from correo.mail.instant import SECOND
from correo.mailbox import ranges as uidset
from correo.mailbox.arriving import append
from correo.mailbox.changelog import What, note_mailboxes, step
from correo.mailbox.expunging import expunge
from correo.mailbox.mailboxes import Mailbox, delete, find, list_mailboxes, make
from correo.mailbox.names import checked
from correo.mailbox.opening import ADD, outbox_of
from correo.mailbox.quota import quota
from correo.mailbox.ranges import Ranges
from correo.mailbox.subscribing import subscribe, subscriptions, unsubscribe
from correo.storage.db import Tx

# One's own letters are not news.
FLAGS = Flags(SEEN)

_SHOWN = "SELECT source, uid, version FROM mailbox_shown WHERE mailbox_id = $1 ORDER BY uid"
_AMONG = "SELECT source, uid, version FROM mailbox_shown WHERE mailbox_id = $1 AND uid BETWEEN $2 AND $3 ORDER BY uid"
_ONE = "SELECT source, uid, version FROM mailbox_shown WHERE mailbox_id = $1 AND source = $2"
_RENAME = "UPDATE mailbox_mailbox SET name = $2 WHERE id = $1"
_SHOW = "INSERT INTO mailbox_shown (mailbox_id, source, uid, version) VALUES ($1, $2, $3, $4)"
_FORGET = "DELETE FROM mailbox_shown WHERE mailbox_id = $1"
_HIDE = "DELETE FROM mailbox_shown WHERE mailbox_id = $1 AND uid BETWEEN $2 AND $3"


@dataclass(frozen=True, slots=True)
class Shown:
    """The message `uid` shows `source`, as it stood at `version`."""

    source: int
    uid: int
    version: str


async def outbox(tx: Tx, account_id: int) -> Mailbox | None:
    found = await list_mailboxes(tx, outbox_of(account_id))
    return found[0] if found else None


async def open_outbox(tx: Tx, account_id: int, name: str, chance: Chance, now: int) -> None:
    """From now on the account has one of this name, and is subscribed to it; "": none. Raises Refused: BAD_NAME, NOT_FOUND (the account)."""
    behind, found = outbox_of(account_id), await outbox(tx, account_id)
    if found is None and name:
        await quota(tx, account_id)  # who has been removed a moment ago gets nothing new
        await tx.one(ADD, behind, now // SECOND)
        await make(tx, behind, [(checked(name), "")], 0, chance, now)
        await _subscribe(tx, account_id, name, now)
    elif found is not None and not name:
        await tx.run(_FORGET, found.id)
        await delete(tx, behind, found.name, now)
        await _unsubscribe(tx, account_id, found.name, now)
    elif found is not None and found.name != name:
        # By itself: there are no levels above it here.
        await tx.run(_RENAME, found.id, checked(name))
        await note_mailboxes(tx, behind, await step(tx, behind), [found.id], What.RENAME, now)
        if await _unsubscribe(tx, account_id, found.name, now):
            await _subscribe(tx, account_id, name, now)


async def _subscribe(tx: Tx, account_id: int, name: str, now: int) -> None:
    """As the first mailboxes are: many clients show nothing else. Whoever does not want to see it unsubscribes, once and for all."""
    try:
        if await find(tx, account_id, name) is None:
            await subscribe(tx, account_id, name, now)
    except Refused as refused:
        if refused.kind is not Kind.TOO_MANY:
            raise


async def _unsubscribe(tx: Tx, account_id: int, name: str, now: int) -> bool:
    """Whether it was subscribed; what is said of a mailbox of his own stays."""
    if name not in await subscriptions(tx, account_id) or await find(tx, account_id, name):
        return False
    await unsubscribe(tx, account_id, name, now)
    return True


async def shown(tx: Tx, mailbox_id: int, ranges: Ranges | None = None) -> list[Shown]:
    """What it shows, or what these of its messages show, in the order of the UIDs."""
    if ranges is None:
        return [Shown(*row) for row in await tx.all(_SHOWN, mailbox_id)]
    return [Shown(*row) for low, high in ranges for row in await tx.all(_AMONG, mailbox_id, low, high)]


async def shown_of(tx: Tx, mailbox_id: int, source: int) -> Shown | None:
    row = await tx.one(_ONE, mailbox_id, source)
    return Shown(*row) if row else None


async def show(
    tx: Tx, mailbox_id: int, source: int, version: str, *, content_id: int, size: int, received: int, now: int
) -> None:
    """Show `source`, which is not shown yet."""
    appended = await append(
        tx, mailbox_id, content_id=content_id, size=size, flags=FLAGS, received=received, now=now
    )
    await tx.run(_SHOW, mailbox_id, source, appended.uid, version)


async def hide(tx: Tx, mailbox_id: int, uids: Sequence[int], now: int) -> None:
    """Show these no longer; ascending."""
    if not uids:
        return
    ranges = uidset.of(uids)
    await expunge(tx, mailbox_id, ranges, now, only_deleted=False)
    await tx.many(_HIDE, [(mailbox_id, low, high) for low, high in ranges])
