"""\\Seen of readers: whoever reads a mailbox that is not his has his own \\Seen there, and shares all other flags.

A reader is an account id; 0 is the owner, whose \\Seen stands among the other flags in mailbox_message and costs nothing more. To
a reader a message has the higher of two modseqs, its own and that of his \\Seen, so that it grows with either (RFC 7162 §3.1). What the owner
reads therefore looks to readers as if flags had changed, though none did that they can see.
"""

from __future__ import annotations

from correo.mail.flags import SEEN
from correo.mailbox.ranges import Ranges
from correo.storage.db import Tx

OWNER = 0

# For statements over `mailbox_message AS m` as one reader sees it; the join needs the parameter that says who.
JOIN = " LEFT JOIN mailbox_seen AS s ON s.mailbox_id = m.mailbox_id AND s.uid = m.uid AND s.account_id = {reader}"
FLAGS = f"((m.flags & {~SEEN}) | COALESCE(s.seen, 0))"
MODSEQ = "CASE WHEN s.modseq > m.modseq THEN s.modseq ELSE m.modseq END"

_MARK = """INSERT INTO mailbox_seen (mailbox_id, uid, account_id, seen, modseq)
SELECT mailbox_id, uid, CAST($4 AS BIGINT), CAST($5 AS BIGINT), CAST($6 AS BIGINT)
FROM mailbox_message WHERE mailbox_id = $1 AND uid BETWEEN $2 AND $3
ON CONFLICT (mailbox_id, uid, account_id) DO UPDATE SET seen = excluded.seen, modseq = excluded.modseq"""
_UNSEEN = "SELECT unseen FROM mailbox_mailbox WHERE id = $1"
_UNSEEN_BY = """SELECT messages - (SELECT COUNT(*) FROM mailbox_seen AS s
  WHERE s.account_id = $2 AND s.mailbox_id = $1 AND s.seen = 1)
FROM mailbox_mailbox WHERE id = $1"""
_FIRST_UNSEEN_BY = """SELECT m.uid FROM mailbox_message AS m WHERE m.mailbox_id = $1 AND NOT EXISTS (
  SELECT 1 FROM mailbox_seen AS s WHERE s.mailbox_id = m.mailbox_id AND s.uid = m.uid AND s.account_id = $2 AND s.seen = 1)
ORDER BY m.uid LIMIT 1"""
_ANY = "SELECT 1 FROM mailbox_seen WHERE mailbox_id = $1 LIMIT 1"
_FORGET = "DELETE FROM mailbox_seen WHERE mailbox_id = $1 AND uid BETWEEN $2 AND $3"
_FORGET_ALL = "DELETE FROM mailbox_seen WHERE mailbox_id = $1"


async def mark(tx: Tx, mailbox_id: int, reader: int, ranges: Ranges, seen: bool, modseq: int) -> None:
    """Give every message in `ranges` the reader's \\Seen, or take it away."""
    rows = [(mailbox_id, low, high, reader, int(seen), modseq) for low, high in ranges]
    await tx.many(_MARK, rows)


async def unseen(tx: Tx, mailbox_id: int, reader: int = OWNER) -> int:
    """How many messages have no \\Seen of the reader's; 0 for a mailbox that has gone."""
    row = await (tx.one(_UNSEEN_BY, mailbox_id, reader) if reader else tx.one(_UNSEEN, mailbox_id))
    return row[0] if row else 0


async def first_unseen_by(tx: Tx, mailbox_id: int, reader: int) -> int | None:
    """As `first_unseen`, for one who is not the owner."""
    row = await tx.one(_FIRST_UNSEEN_BY, mailbox_id, reader)
    return None if row is None else int(row[0])


async def forget_seen(tx: Tx, mailbox_id: int, ranges: Ranges | None = None) -> None:
    """For messages that go; None: all of them. Most mailboxes have no readers, and are told by one look."""
    if await tx.one(_ANY, mailbox_id) is None:
        return
    if ranges is None:
        await tx.run(_FORGET_ALL, mailbox_id)
    else:
        await tx.many(_FORGET, [(mailbox_id, low, high) for low, high in ranges])
