"""Mail for accounts here that its sender wanted to be held (RFC 4865): it waited in the queue, and now its time has come."""

from __future__ import annotations

from correo import accounts, mailbox
from correo.accounts import Account, LocalTarget, Resolved
from correo.mail.errors import Kind, Refused
from correo.mail.flags import Flags
from correo.mail.outcome import Deferred, Delivered, Failed
from correo.mail.status import Status
from correo.mailbox import Room
from correo.queue import QueuedRecipient
from correo.storage.db import Tx

ARRIVED = Delivered(Status(250, "2.1.5", "Ok"), "")
GONE = Failed(Status(550, "5.1.1", "there is no such account here any more"))
FULL = Deferred(Status(452, "4.2.2", "the mailbox is full"))
TOO_FAR = Deferred(Status(451, "4.3.5", "an alias of that name leads too far"))  # which the operator may mend


async def find_room(tx: Tx, recipient: QueuedRecipient) -> Delivered | Deferred | Failed:
    """What will become of it. ARRIVED is a promise that `file_held` keeps, in the transaction that takes it out of the queue."""
    try:
        account = await _account(tx, recipient)
    except Refused as refused:
        if refused.kind is not Kind.TOO_MANY:
            raise
        return TOO_FAR
    if account is None:
        return GONE
    return FULL if await mailbox.is_full(tx, account.id) else ARRIVED


async def file_held(tx: Tx, recipient: QueuedRecipient, now: int) -> tuple[int, str]:
    """Into the inbox: the account, and where that was. Raises Refused(UNAVAILABLE) where the account has gone this moment."""
    account = await _account(tx, recipient)
    inbox = await mailbox.inbox(tx, account.id) if account else None
    if account is None or inbox is None:
        raise Refused(Kind.UNAVAILABLE, f"account {recipient.folded} has gone")
    message = recipient.message
    await mailbox.complete(tx, message.content_id)
    appended = await mailbox.append(
        tx,
        inbox.id,
        content_id=message.content_id,
        size=message.size + message.skip,
        flags=Flags(),
        received=now,
        now=now,
        room=Room.ANY,
    )
    return account.id, f"INBOX uid {appended.uid}"


async def _account(tx: Tx, recipient: QueuedRecipient) -> Account | None:
    """Whom the name, which led to an account when the message came, leads to now. Raises Refused as `accounts.resolve` does."""
    found = await accounts.resolve(tx, recipient.parsed)
    targets = found.recipients if isinstance(found, Resolved) else ()
    return next((target.account for target in targets if isinstance(target, LocalTarget)), None)
