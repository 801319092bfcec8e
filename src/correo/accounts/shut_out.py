"""Accounts whose sessions must end: they were removed or disabled, or have another password now.

Every such change takes the next number, so that a server can ask what is new once for all its sessions.
"""

from __future__ import annotations

from typing import NamedTuple

from correo.storage.db import Tx

KEPT = 1000  # changes; a server asks for new ones every second while there are any

_ADD = "INSERT INTO accounts_shut_out (number, account_id) VALUES ($1, $2)"
_FORGET = "DELETE FROM accounts_shut_out WHERE number <= $1"
_SINCE = "SELECT number, account_id FROM accounts_shut_out WHERE number > $1 ORDER BY number"


class ShutOut(NamedTuple):
    number: int
    account_id: int


async def shut_out(tx: Tx, account_id: int) -> None:
    """Whoever is logged in to the account is to leave."""
    row = await tx.one("SELECT coalesce(max(number), 0) FROM accounts_shut_out")
    number = row[0] + 1 if row else 1
    await tx.run(_ADD, number, account_id)
    await tx.run(_FORGET, number - KEPT)


async def shut_out_since(tx: Tx, number: int) -> list[ShutOut]:
    """Oldest first."""
    return [ShutOut(*row) for row in await tx.all(_SINCE, number)]
