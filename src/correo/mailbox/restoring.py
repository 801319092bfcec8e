"""What mailboxes must do after a restore, since clients may remember a future that never was.

Between the backup and the loss of the original, UIDs and modseqs were given out that the restored database knows nothing of.
Given again, they would show clients one message where they remember another (RFC 9051 §2.3.1.1, RFC 7162 §3.1).
"""

from __future__ import annotations

from correo.mailbox import ranges
from correo.mailbox.changelog import What, note
from correo.mailbox.ranges import MAX_UID
from correo.storage.db import Tx

UID_LEAP = 1 << 20  # more than one mailbox gets between two backups; room for 4,000 restores
MODSEQ_LEAP = 1 << 32  # more than one account can ever have come to; room for two thousand million restores

_ACCOUNTS = "SELECT account_id, modseq FROM mailbox_account ORDER BY account_id"
_MAILBOXES = "SELECT id, uidnext FROM mailbox_mailbox WHERE account_id = $1 ORDER BY id"
_UIDS = "SELECT uid FROM mailbox_message WHERE mailbox_id = $1 ORDER BY uid"


async def leap(tx: Tx, now: int) -> None:
    """Begin anew beyond every UID and modseq that may have been given: for `bulk`, once, after a restore.

    To clients every message that is here has changed its flags, and every UID that may have been given since is gone; so they
    put themselves right, and keep what they have already fetched.
    """
    for account_id, old in await tx.all(_ACCOUNTS):
        modseq = old + MODSEQ_LEAP
        await tx.run("UPDATE mailbox_account SET modseq = $2 WHERE account_id = $1", account_id, modseq)
        for mailbox_id, uidnext in await tx.all(_MAILBOXES, account_id):
            await _leap_mailbox(tx, account_id, mailbox_id, uidnext, modseq, now)


async def _leap_mailbox(
    tx: Tx, account_id: int, mailbox_id: int, uidnext: int, modseq: int, now: int
) -> None:
    uids = ranges.of(row[0] for row in await tx.all(_UIDS, mailbox_id))
    further = min(uidnext + UID_LEAP, MAX_UID)
    await tx.run("UPDATE mailbox_message SET modseq = $2 WHERE mailbox_id = $1", mailbox_id, modseq)
    await tx.run(
        "UPDATE mailbox_mailbox SET uidnext = $2, modseq = $3 WHERE id = $1", mailbox_id, further, modseq
    )
    if uids:
        await note(tx, account_id, modseq, mailbox_id, What.FLAGS, uids, now)
    if further > uidnext:
        gone = ((uidnext, further - 1),)
        await note(tx, account_id, modseq, mailbox_id, What.EXPUNGE, gone, now)
