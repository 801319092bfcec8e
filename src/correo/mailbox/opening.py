"""The first mailboxes of an account, and the end of all of them."""

from __future__ import annotations

from correo.clock import Chance
from correo.mail.errors import Kind, Refused
from correo.mail.instant import SECOND
from correo.mailbox.mailboxes import make
from correo.mailbox.names import INBOX
from correo.storage.db import Tx

# What every account begins with (RFC 6154 §2): clients that find these do not make their own in their own language.
FIRST = (
    (INBOX, ""),
    ("Drafts", "\\Drafts"),
    ("Sent", "\\Sent"),
    ("Trash", "\\Trash"),
    ("Junk", "\\Junk"),
    ("Archive", "\\Archive"),
)

ADD = """INSERT INTO mailbox_account (account_id, modseq, uidvalidity) VALUES ($1, 0, $2)
ON CONFLICT (account_id) DO NOTHING RETURNING account_id"""
_SUBSCRIBE = "INSERT INTO mailbox_subscription (account_id, name) VALUES ($1, $2)"
_ORPHANS = """INSERT INTO mailbox_orphan (content_id, since)
SELECT DISTINCT content_id, CAST($2 AS BIGINT) FROM mailbox_message
WHERE mailbox_id IN (SELECT id FROM mailbox_mailbox WHERE account_id = $1)
ON CONFLICT (content_id) DO UPDATE SET since = excluded.since"""
_HIS = "(SELECT id FROM mailbox_mailbox WHERE account_id = $1)"
_REMOVE = (
    f"DELETE FROM mailbox_message WHERE mailbox_id IN {_HIS}",
    f"DELETE FROM mailbox_seen WHERE mailbox_id IN {_HIS}",
    "DELETE FROM mailbox_seen WHERE account_id = $1",
    f"DELETE FROM mailbox_right WHERE mailbox_id IN {_HIS}",
    f"DELETE FROM mailbox_uidl WHERE mailbox_id IN {_HIS}",
    f"DELETE FROM mailbox_adoption WHERE mailbox_id IN {_HIS}",
    f"DELETE FROM mailbox_unlisted WHERE mailbox_id IN {_HIS}",
    f"DELETE FROM mailbox_shown WHERE mailbox_id IN {_HIS}",
    "DELETE FROM mailbox_right WHERE account_id = $1",
    "DELETE FROM mailbox_mailbox WHERE account_id = $1",
    "DELETE FROM mailbox_subscription WHERE account_id = $1",
    "DELETE FROM mailbox_annotation WHERE account_id = $1",
    "DELETE FROM mailbox_change WHERE account_id = $1",
    "DELETE FROM mailbox_import WHERE account_id = $1",
    "DELETE FROM mailbox_account WHERE account_id = $1",
)


async def open_account(tx: Tx, account_id: int, chance: Chance, now: int) -> None:
    """Make the FIRST mailboxes, subscribed. Raises Refused(EXISTS)."""
    if await tx.one(ADD, account_id, now // SECOND) is None:
        raise Refused(Kind.EXISTS, f"account {account_id} has mailboxes")
    await make(tx, account_id, FIRST, 0, chance, now)
    await tx.many(_SUBSCRIBE, [(account_id, name) for name, _ in FIRST])


def outbox_of(account_id: int) -> int:
    """The id under which the Outbox of an account is kept (`mailbox.outbox`), and changes in it are told; and the other way round."""
    return -account_id


def is_outbox(account_id: int) -> bool:
    """Whether what is kept under this id is an Outbox."""
    return account_id < 0


async def remove_account(tx: Tx, account_id: int, now: int) -> None:
    """Remove every trace of the account but the content of its messages, which others may share: `collect` looks at it."""
    for id in (account_id, outbox_of(account_id)):
        await tx.run(_ORPHANS, id, now)
        for statement in _REMOVE:
            await tx.run(statement, id)
