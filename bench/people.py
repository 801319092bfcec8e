"""Many accounts, put into the database by the server's own functions, many in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

from correo import accounts, mailbox
from correo.accounts.credentials import Credentials, make_credentials
from correo.clock.system import SystemChance, SystemClock
from correo.mail.address import Address
from correo.storage.db import Tx
from correo.storage.db.sqlite import Sqlite

BATCH = 2_000  # of one transaction
clock, chance = SystemClock(), SystemChance()


async def add_people(db: Sqlite, addresses: Sequence[str], password: str) -> None:
    """All with one password, and one hash of it: hashing takes longer than all the rest."""
    credentials = make_credentials(password, chance)
    rest = iter(addresses)
    while batch := list(islice(rest, BATCH)):
        await db.bulk(_add, batch, credentials, clock.now())


async def _add(tx: Tx, addresses: Sequence[str], credentials: Credentials, now: int) -> None:
    for text in addresses:
        address = Address.parse(text)
        account = await accounts.add_account(
            tx, id=chance.id(now), address=address, credentials=credentials, now=now
        )
        await mailbox.open_account(tx, account.id, chance, now)
