"""Special uses: which mailbox clients take for drafts, trash and the like (RFC 6154). One mailbox has one, and one use one mailbox."""

from __future__ import annotations

from correo.mail.errors import Kind, Refused
from correo.mailbox.changelog import What, note_mailboxes, step
from correo.mailbox.names import INBOX, SPECIAL_USES
from correo.storage.db import Tx

_GIVE = "UPDATE mailbox_mailbox SET special_use = $3 WHERE account_id = $1 AND id = $2 AND name <> $4"
_TAKE = """UPDATE mailbox_mailbox SET special_use = ''
WHERE account_id = $1 AND special_use = $2 AND id <> $3 RETURNING id"""


async def set_special_use(tx: Tx, account_id: int, mailbox_id: int, use: str, now: int) -> None:
    """What the mailbox is for from now on, "" for nothing special; what was for it until now no longer is (RFC 6154 §4).

    Raises Refused(NO_PERMISSION) for a use that we do not serve, and for INBOX, whose use is its own.
    """
    check_use(use)
    given = await tx.run(_GIVE, account_id, mailbox_id, use, INBOX)
    if use and not given:
        raise Refused(Kind.NO_PERMISSION, "a special use for INBOX")
    taken = await take_use(tx, account_id, use, mailbox_id)
    await note_mailboxes(tx, account_id, await step(tx, account_id), [mailbox_id, *taken], What.USE, now)


async def take_use(tx: Tx, account_id: int, use: str, mailbox_id: int) -> list[int]:
    """Leave the use to this one mailbox: the ids of those that had it."""
    return [row[0] for row in await tx.all(_TAKE, account_id, use, mailbox_id)] if use else []


def check_use(use: str) -> None:
    if use and use not in SPECIAL_USES:
        raise Refused(Kind.NO_PERMISSION, f"special use {use!r}")
