"""Whose journeys an account's are."""

from __future__ import annotations

from correo import accounts
from correo.accounts import Account
from correo.ledger import Owner
from correo.storage.db import Tx


async def owner_of(tx: Tx, account: Account) -> Owner:
    """Refused NOT_FOUND where the account is gone."""
    since = await accounts.created(tx, account.id)
    return Owner(account.address, since, await accounts.names_with_tag(tx, account.address))
