"""The mailboxes of an account: finding, listing, making and deleting them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from correo.clock import Chance
from correo.mail.errors import Kind, Refused
from correo.mail.instant import SECOND
from correo.mailbox.annotating import forget_annotations
from correo.mailbox.changelog import What, note, note_mailboxes
from correo.mailbox.counting import Count
from correo.mailbox.names import (
    INBOX,
    MAX_MAILBOXES,
    canonical,
    checked,
    is_below,
    parents,
)
from correo.mailbox.quota import charge, check_mailboxes
from correo.mailbox.rights import forget_rights, inherit
from correo.mailbox.seen import forget_seen
from correo.mailbox.uidls import forget_origin
from correo.mailbox.uses import check_use, take_use
from correo.storage.db import Tx


@dataclass(frozen=True, slots=True)
class Mailbox:
    """A row of mailbox_mailbox; `size` in octets."""

    id: int
    account_id: int
    name: str
    uidvalidity: int
    uidnext: int
    modseq: int  # HIGHESTMODSEQ
    recent: int  # UIDs from here on have been \Recent to no session yet
    messages: int
    unseen: int
    deleted: int
    size: int
    special_use: str  # "\Sent" and the like, or ""


_COLUMNS = (
    "id, account_id, name, uidvalidity, uidnext, modseq, recent, messages, unseen, deleted, size, special_use"
)
BOX = ", ".join(f"b.{name}" for name in _COLUMNS.split(", "))  # for joins: of `mailbox_mailbox AS b`
_SELECT = f"SELECT {_COLUMNS}\nFROM mailbox_mailbox "
_BY_NAME = _SELECT + "WHERE account_id = $1 AND name = $2"
_BY_ID = _SELECT + "WHERE id = $1"
_ALL = _SELECT + "WHERE account_id = $1"
_NAMES = "SELECT name FROM mailbox_mailbox WHERE account_id = $1"
# Near the time of day, so that a database restored from a backup does not repeat what was given after it was made.
_STEP_WITH_VALIDITY = """UPDATE mailbox_account SET modseq = modseq + 1,
  uidvalidity = CASE WHEN uidvalidity < $2 THEN $2 ELSE uidvalidity END + $3
WHERE account_id = $1 RETURNING modseq, uidvalidity"""
_MAKE = """INSERT INTO mailbox_mailbox
  (id, account_id, name, uidvalidity, uidnext, modseq, forgotten, recent, messages, unseen, deleted, size, special_use,
   created)
VALUES ($1, $2, $3, $4, 1, $5, 0, 1, 0, 0, 0, 0, $6, $7)"""
_ORPHANS = """INSERT INTO mailbox_orphan (content_id, since)
SELECT DISTINCT content_id, CAST($2 AS BIGINT) FROM mailbox_message WHERE mailbox_id = $1
ON CONFLICT (content_id) DO UPDATE SET since = excluded.since"""
_EMPTY = "DELETE FROM mailbox_message WHERE mailbox_id = $1"
_DELETE = "DELETE FROM mailbox_mailbox WHERE id = $1"
_FORGET = "DELETE FROM mailbox_change WHERE account_id = $1 AND mailbox_id = $2"


async def find(tx: Tx, account_id: int, name: str) -> Mailbox | None:
    """By name, in any spelling of INBOX and any normal form; a name that could not exist is not found."""
    row = await tx.one(_BY_NAME, account_id, canonical(name))
    return Mailbox(*row) if row else None


async def get(tx: Tx, mailbox_id: int) -> Mailbox | None:
    row = await tx.one(_BY_ID, mailbox_id)
    return Mailbox(*row) if row else None


async def inbox(tx: Tx, account_id: int) -> Mailbox | None:
    row = await tx.one(_BY_NAME, account_id, INBOX)
    return Mailbox(*row) if row else None


async def list_mailboxes(tx: Tx, account_id: int) -> list[Mailbox]:
    """All of the account, INBOX first and parents before their children."""
    found = [Mailbox(*row) for row in await tx.all(_ALL, account_id)]
    return sorted(found, key=lambda mailbox: (mailbox.name != INBOX, mailbox.name.split("/")))


async def names_of(tx: Tx, account_id: int) -> set[str]:
    return {row[0] for row in await tx.all(_NAMES, account_id)}


async def create(
    tx: Tx, account_id: int, name: str, chance: Chance, now: int, special_use: str = ""
) -> Mailbox:
    """Make a mailbox and the parents it lacks (RFC 9051 §6.3.4).

    Another mailbox that had its special use loses it. Raises Refused: BAD_NAME, EXISTS, TOO_MANY, NOT_FOUND (the account),
    OVER_QUOTA, NO_PERMISSION (a special use we do not serve).
    """
    name = checked(name)
    check_use(special_use)
    have = await names_of(tx, account_id)
    if name in have:
        raise Refused(Kind.EXISTS, name)
    wanted = [(parent, "") for parent in parents(name) if parent not in have]
    wanted.append((name, special_use))
    made = (await make(tx, account_id, wanted, len(have), chance, now))[-1]
    lost = await take_use(tx, account_id, special_use, made.id)
    await note_mailboxes(tx, account_id, made.modseq, lost, What.USE, now)
    return made


async def make(
    tx: Tx, account_id: int, wanted: Sequence[tuple[str, str]], have: int, chance: Chance, now: int
) -> list[Mailbox]:
    """Make mailboxes of checked names that are free, with their special uses; `have` is how many there are already.

    Each has the rights of the one above it, and a UIDVALIDITY of its own: names may be exchanged by RENAME, and a name must never show an old value again.
    """
    if have + len(wanted) > MAX_MAILBOXES:
        raise Refused(Kind.TOO_MANY, "mailboxes in one account")
    await check_mailboxes(tx, account_id, have + len(wanted))
    row = await tx.one(_STEP_WITH_VALIDITY, account_id, now // SECOND, len(wanted))
    if row is None:
        raise Refused(Kind.NOT_FOUND, f"account {account_id} has no mailboxes")
    modseq, last = row
    made = [
        Mailbox(chance.id(now), account_id, name, validity, 1, modseq, 1, 0, 0, 0, 0, special_use)
        for validity, (name, special_use) in enumerate(wanted, last - len(wanted) + 1)
    ]
    rows = [(box.id, account_id, box.name, box.uidvalidity, modseq, box.special_use, now) for box in made]
    await tx.many(_MAKE, rows)
    for box in made:
        for parent in parents(box.name)[-1:]:
            await inherit(tx, account_id, box.id, parent)
    await note_mailboxes(tx, account_id, modseq, [box.id for box in made], What.CREATE, now)
    return made


async def delete(tx: Tx, account_id: int, name: str, now: int) -> Mailbox:
    """Remove a mailbox with its messages; what it was. Its children stay (RFC 3501 §6.3.4), and so do subscriptions to it.

    A name that has children but no mailbox of its own is what LIST shows as \\NonExistent. Raises Refused: NOT_FOUND,
    HAS_CHILDREN (such a name), NO_PERMISSION (INBOX).
    """
    mailbox = await find(tx, account_id, name)
    if mailbox is None:
        wanted = canonical(name)
        if any(is_below(other, wanted) for other in await names_of(tx, account_id)):
            raise Refused(Kind.HAS_CHILDREN, wanted)
        raise Refused(Kind.NOT_FOUND, wanted)
    if mailbox.name == INBOX:
        raise Refused(Kind.NO_PERMISSION, "INBOX cannot be deleted")
    gone = Count(mailbox.messages, mailbox.unseen, mailbox.deleted, mailbox.size)
    modseq = await charge(tx, account_id, -gone)
    await tx.run(_ORPHANS, mailbox.id, now)
    await tx.run(_EMPTY, mailbox.id)
    await tx.run(_DELETE, mailbox.id)
    await tx.run(_FORGET, account_id, mailbox.id)
    await forget_annotations(tx, account_id, mailbox.id)
    await forget_rights(tx, mailbox.id)
    await forget_seen(tx, mailbox.id)
    await forget_origin(tx, account_id, mailbox.id, mailbox.uidvalidity)
    await note(tx, account_id, modseq, mailbox.id, What.DELETE, (), now)
    return mailbox
