"""What happened in accounts as a whole, for those who watch more than one mailbox (RFC 5465)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from correo.mailbox import ranges
from correo.mailbox.changelog import What
from correo.mailbox.ranges import Range
from correo.storage.db import Tx

ACCOUNT = 0  # in the place of a mailbox id: subscriptions, and what is noted about the server

Span = tuple[int, int]  # modseqs after the first and up to the second

_MODSEQ = "SELECT modseq FROM mailbox_account WHERE account_id = $1"
_KINDS = """SELECT DISTINCT kind FROM mailbox_change
WHERE account_id = $1 AND mailbox_id = $2 AND modseq > $3 AND modseq <= $4 AND reader IN (0, $5)"""
_APPENDED = """SELECT uids FROM mailbox_change
WHERE account_id = $1 AND mailbox_id = $2 AND modseq > $3 AND modseq <= $4 AND kind = 'append'"""


async def modseqs(tx: Tx, account_ids: Iterable[int]) -> dict[int, int]:
    """The last modseq of each account that has mailboxes."""
    found: dict[int, int] = {}
    for account_id in account_ids:
        row = await tx.one(_MODSEQ, account_id)
        if row is not None:
            found[account_id] = row[0]
    return found


async def kinds(
    tx: Tx, account_id: int, mailbox_id: int, spans: Sequence[Span], reader: int = 0
) -> frozenset[What]:
    """What happened to a mailbox of the account in these spans, as far as it concerns the reader; of a deleted one too."""
    found: set[What] = set()
    for after, last in spans:
        rows = await tx.all(_KINDS, account_id, mailbox_id, after, last, reader)
        found.update(What(row[0]) for row in rows)
    return frozenset(found)


async def appended(tx: Tx, account_id: int, mailbox_id: int, spans: Sequence[Span]) -> list[Range]:
    """UIDs that were given in these spans."""
    found: list[Range] = []
    for after, last in spans:
        for row in await tx.all(_APPENDED, account_id, mailbox_id, after, last):
            found += ranges.parsed(row[0])
    return ranges.merged(found)
