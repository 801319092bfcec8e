"""Mail for somebody who has no room is put off at RCPT, for him alone: his mailbox may have room again before the sender gives up.

Or it is refused for good, where the operator wants senders to know at once.
"""

from __future__ import annotations

from correo import mailbox
from correo.accounts import LocalTarget, Resolved
from correo.receive.checks.row import ACCEPT, Check, Defer, RecipientFacts, Reject, Verdict
from correo.receive.conversation import Conversation
from correo.receive.options import ALL
from correo.receive.replies import full
from correo.storage.db import Tx

FULL: dict[bool, Verdict] = {False: Defer(full(False)), True: Reject(full(True))}


async def run(talk: Conversation, recipient: RecipientFacts) -> Verdict:
    """An alias waits for the fullest of those it leads to: each of them gets the message, or none."""
    resolution = recipient.resolution
    if not isinstance(resolution, Resolved):
        return ACCEPT
    accounts = [target.account.id for target in resolution.recipients if isinstance(target, LocalTarget)]
    is_full = await talk.services.db.read(any_full, accounts)
    return FULL[talk.limits.reject_over_quota] if is_full else ACCEPT


async def any_full(tx: Tx, accounts: list[int]) -> bool:
    for account_id in accounts:
        if await mailbox.is_full(tx, account_id):
            return True
    return False


ROW = Check("over_quota", ALL, run)
