"""Messages that are thrown away later: into the Trash now, and gone for good when their time is over."""

from __future__ import annotations

from itertools import groupby
from operator import itemgetter

from correo.clock import Chance
from correo.mailbox import ranges as uidset
from correo.mailbox.copying import move
from correo.mailbox.expunging import expunge
from correo.mailbox.mailboxes import create, get
from correo.mailbox.ranges import Ranges
from correo.storage.db import Tx

TRASH = "Trash"  # its name where the account has no mailbox of that use

_TRASH = """SELECT id FROM mailbox_mailbox WHERE account_id = $1 AND (special_use = '\\Trash' OR name = $2)
ORDER BY CASE WHEN special_use = '\\Trash' THEN 0 ELSE 1 END LIMIT 1"""
_EXPIRE = """INSERT INTO mailbox_expiry (mailbox_id, uid, expires) VALUES ($1, $2, $3)
ON CONFLICT (mailbox_id, uid) DO UPDATE SET expires = excluded.expires"""
_DUE = """SELECT mailbox_id, uid FROM mailbox_expiry WHERE expires <= $1 ORDER BY expires, mailbox_id, uid LIMIT $2"""
_DONE = "DELETE FROM mailbox_expiry WHERE mailbox_id = $1 AND uid = $2"
_mailbox = itemgetter(0)


async def discard(tx: Tx, mailbox_id: int, ranges: Ranges, until: int, chance: Chance, now: int) -> None:
    """Move messages to the Trash of their account, which is made where there is none, and let them go at `until` (µs UTC).

    Whoever takes one out of the Trash before has it back for good. What is in the Trash already gets its time there. Raises
    Refused: NOT_FOUND (the mailbox), TOO_MANY and OVER_QUOTA where the Trash cannot be made.
    """
    box = await get(tx, mailbox_id)
    if box is None or not ranges:
        return
    row = await tx.one(_TRASH, box.account_id, TRASH)
    trash = row[0] if row else (await create(tx, box.account_id, TRASH, chance, now, "\\Trash")).id
    moved = await move(tx, mailbox_id, ranges, trash, now)
    await tx.many(_EXPIRE, [(trash, uid, until) for _, uid in moved.pairs])


async def expire(tx: Tx, now: int, limit: int) -> tuple[int, list[int]]:
    """Remove up to `limit` messages from the Trash whose time is over: how many were looked at, and the accounts in which any went."""
    due = await tx.all(_DUE, now, limit)
    accounts: set[int] = set()
    for mailbox_id, rows in groupby(sorted(due), _mailbox):
        box = await get(tx, mailbox_id)
        if box is None or not (box.special_use == "\\Trash" or box.name == TRASH):
            continue  # who calls his Trash by another name wants to keep what is in it
        those = uidset.of(uid for _, uid in rows)
        if (await expunge(tx, mailbox_id, those, now, only_deleted=False)).uids:
            accounts.add(box.account_id)
    await tx.many(_DONE, due)
    return len(due), sorted(accounts)
