"""What an account may have, as RFC 9208 tells it: one root for all its mailboxes, named after its address."""

from __future__ import annotations

from correo import accounts, mailbox
from correo.access.imap.places import administers, identity
from correo.accounts import Account
from correo.mail.address import Address, BadAddress
from correo.mailbox import Quota
from correo.storage.db import Tx
from correo.wire.imap.quota import Limit, Resource

KIBI = 1024  # RFC 9208 §5.1


def limits(quota: Quota) -> list[Limit]:
    """Only what is limited: without a limit there is nothing to tell, and where there is none, no root."""
    every = (
        # Usage in whole units is rounded up, a limit down: what is full must look full.
        (Resource.STORAGE, -(-quota.size // KIBI), quota.most_size and quota.most_size // KIBI),
        (Resource.MESSAGE, quota.messages, quota.most_messages),
        (Resource.MAILBOX, quota.mailboxes, quota.most_mailboxes),
    )
    return [Limit(resource, usage, limit) for resource, usage, limit in every if limit is not None]


async def visible(tx: Tx, account: Account, root: bytes) -> Account | None:
    """Whose root that is, if it may be told: one's own, those of a domain one administers, and those of mailboxes one may read.

    What others have is nobody's business (RFC 9208 §8), so that a root that may not be told seems not to exist.
    """
    if root == account.address.encode():
        return account
    found = await _named(tx, root)
    if found is None or await administers(tx, account, found.domain):
        return found
    shared = await mailbox.shared_with(tx, identity(account))
    return found if any(box.account_id == found.id and "r" in held for box, held in shared) else None


async def governed(tx: Tx, account: Account, root: bytes) -> Account | None:
    """Whose root that is, if `account` administers its domain."""
    found = await _named(tx, root)
    return found if found is not None and await administers(tx, account, found.domain) else None


async def _named(tx: Tx, root: bytes) -> Account | None:
    try:
        address = Address.parse(root.decode("utf-8"))
    except (UnicodeDecodeError, BadAddress):
        return None
    return await accounts.get_account(tx, address.folded)
