"""What an account may have, as RFC 9208 tells it: one root for all its mailboxes, named after its address."""

from __future__ import annotations

from correo.mailbox import Quota
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
