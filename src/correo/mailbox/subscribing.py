"""Subscriptions: names a user wants to see, whether mailboxes of that name exist or not (RFC 9051 §6.3.7)."""

from __future__ import annotations

from correo.mail.errors import Kind, Refused
from correo.mailbox.changelog import What, note, step
from correo.mailbox.names import MAX_SUBSCRIPTIONS, canonical, checked
from correo.storage.db import Tx

_ALL = "SELECT name FROM mailbox_subscription WHERE account_id = $1"
_ONE = "SELECT 1 FROM mailbox_subscription WHERE account_id = $1 AND name = $2"
_COUNT = "SELECT COUNT(*) FROM mailbox_subscription WHERE account_id = $1"
_ADD = "INSERT INTO mailbox_subscription (account_id, name) VALUES ($1, $2)"
_REMOVE = "DELETE FROM mailbox_subscription WHERE account_id = $1 AND name = $2"


async def subscribe(tx: Tx, account_id: int, name: str, now: int) -> None:
    """Twice is as good as once. Raises Refused: BAD_NAME, TOO_MANY, NOT_FOUND (the account)."""
    name = checked(name)
    if await tx.one(_ONE, account_id, name):
        return
    count = await tx.one(_COUNT, account_id)
    if count and count[0] >= MAX_SUBSCRIPTIONS:
        raise Refused(Kind.TOO_MANY, "subscriptions in one account")
    modseq = await step(tx, account_id)
    await tx.run(_ADD, account_id, name)
    await note(tx, account_id, modseq, 0, What.SUBSCRIBE, (), now)


async def unsubscribe(tx: Tx, account_id: int, name: str, now: int) -> None:
    """A name that is not subscribed is no error: what was asked for is so."""
    name = canonical(name)
    if not await tx.one(_ONE, account_id, name):
        return
    modseq = await step(tx, account_id)
    await tx.run(_REMOVE, account_id, name)
    await note(tx, account_id, modseq, 0, What.SUBSCRIBE, (), now)


async def subscriptions(tx: Tx, account_id: int) -> list[str]:
    """In the order of names."""
    return sorted(row[0] for row in await tx.all(_ALL, account_id))
