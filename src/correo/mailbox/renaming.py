"""RENAME, the only operation on names that touches many mailboxes (RFC 9051 §6.3.6)."""

from __future__ import annotations

from correo.clock import Chance
from correo.mail.errors import Kind, Refused
from correo.mailbox.annotating import copy_annotations
from correo.mailbox.changelog import What, note_mailboxes, step
from correo.mailbox.copying import move
from correo.mailbox.mailboxes import create, list_mailboxes, make
from correo.mailbox.names import INBOX, canonical, checked, is_below, parents
from correo.mailbox.ranges import EVERYTHING
from correo.storage.db import Tx

_RENAME = "UPDATE mailbox_mailbox SET name = $2 WHERE id = $1"


async def rename(tx: Tx, account_id: int, old: str, new: str, chance: Chance, now: int) -> None:
    """Give a mailbox and all its children new names; parents the new name lacks are made. UIDs and UIDVALIDITY stay.

    Renaming INBOX moves its messages to a new mailbox instead and leaves its children alone (RFC 9051 §6.3.6). Raises
    Refused: NOT_FOUND, EXISTS, BAD_NAME (also for a name inside itself), TOO_MANY, OVER_QUOTA.
    """
    old, new = canonical(old), checked(new)
    if old == INBOX:
        await _rename_inbox(tx, account_id, new, chance, now)
        return
    mailboxes = await list_mailboxes(tx, account_id)
    moving = [box for box in mailboxes if box.name == old or is_below(box.name, old)]
    if not moving:
        raise Refused(Kind.NOT_FOUND, old)
    if is_below(new, old):
        raise Refused(Kind.BAD_NAME, "a mailbox cannot be moved into itself")
    renamed = [(box.id, checked(new + box.name[len(old) :])) for box in moving]
    moved = {box.id for box in moving}
    taken = {box.name for box in mailboxes if box.id not in moved}
    if new == old or not taken.isdisjoint(name for _, name in renamed):
        raise Refused(Kind.EXISTS, new)
    # A name above the new one may be among those that move away just now, and is then missing afterwards.
    missing = [(name, "") for name in parents(new) if name not in taken]
    modseq = await step(tx, account_id)
    # Shortest first: where "a/b" becomes "a", it has left its name before "a/b/b" takes it.
    await tx.many(_RENAME, sorted(renamed, key=lambda row: len(row[1])))
    await note_mailboxes(tx, account_id, modseq, moved, What.RENAME, now)
    if missing:
        await make(tx, account_id, missing, len(mailboxes), chance, now)


async def _rename_inbox(tx: Tx, account_id: int, new: str, chance: Chance, now: int) -> None:
    mailboxes = await list_mailboxes(tx, account_id)
    if not mailboxes or mailboxes[0].name != INBOX:
        raise Refused(Kind.NOT_FOUND, INBOX)
    target = await create(tx, account_id, new, chance, now)
    await move(tx, mailboxes[0].id, EVERYTHING, target.id, now)
    await copy_annotations(tx, account_id, mailboxes[0].id, target.id)  # RFC 5464 §4.1
    await note_mailboxes(tx, account_id, target.modseq, [target.id], What.INBOX, now)
