"""Journeys that ended long ago are forgotten, and the balance stays what it was."""

from __future__ import annotations

from correo.storage.db import Tx

SLICE = 200  # messages in one transaction: some milliseconds

_PAGE = "SELECT id, at FROM ledger_message WHERE id > $1 ORDER BY id LIMIT $2"

# Over: nobody waits any more, and the last that happened is old, too.
_OVER = """SELECT message_id FROM ledger_entry WHERE message_id > $1 AND message_id <= $2
GROUP BY message_id HAVING SUM(delta) = 0 AND MAX(at) < $3"""

_KEEP_SUMS = f"""INSERT INTO ledger_forgotten (event, count, delta)
SELECT event, COUNT(*), SUM(delta) FROM ledger_entry
WHERE message_id > $1 AND message_id <= $2 AND delta <> 0 AND message_id IN ({_OVER}) GROUP BY event
ON CONFLICT (event) DO UPDATE SET count = ledger_forgotten.count + excluded.count, delta = ledger_forgotten.delta + excluded.delta"""

_ENTRIES = f"DELETE FROM ledger_entry WHERE message_id > $1 AND message_id <= $2 AND message_id IN ({_OVER})"

_MESSAGES = """DELETE FROM ledger_message WHERE id > $1 AND id <= $2
AND NOT EXISTS (SELECT 1 FROM ledger_entry WHERE message_id = ledger_message.id)"""


async def forget(tx: Tx, after: int, before: int, limit: int = SLICE) -> int:
    """Forget what ended before the instant `before`, of up to `limit` messages with ids larger than `after`.

    The id to go on after; 0 where all later messages are younger. What still waits stays, however old it is.
    """
    page = await tx.all(_PAGE, after, limit)
    old = [id for id, at in page if at < before]
    if not old:
        return 0
    last = max(old)
    await tx.run(_KEEP_SUMS, after, last, before)
    await tx.run(_ENTRIES, after, last, before)
    await tx.run(_MESSAGES, after, last)
    return last if len(old) == limit else 0
