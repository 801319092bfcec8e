"""Content nobody points to any more is freed here, some time after it lost its last pointer, and nowhere else."""

from __future__ import annotations

from dataclasses import dataclass

from correo.storage.db import Tx

_ORPHAN = """INSERT INTO mailbox_orphan (content_id, since) VALUES ($1, $2)
ON CONFLICT (content_id) DO UPDATE SET since = excluded.since"""
_DUE = "SELECT content_id FROM mailbox_orphan WHERE since < $1 ORDER BY since, content_id LIMIT $2"
_FREE = f"""DELETE FROM mailbox_content WHERE id IN ({_DUE})
AND NOT EXISTS (SELECT 1 FROM mailbox_message AS m WHERE m.content_id = mailbox_content.id)
AND NOT EXISTS (SELECT 1 FROM queue_message AS q WHERE q.content_id = mailbox_content.id)
RETURNING body_id"""
_FREE_BODY = """DELETE FROM mailbox_body WHERE id = $1
AND NOT EXISTS (SELECT 1 FROM mailbox_content AS c WHERE c.body_id = mailbox_body.id)"""
_DONE = f"DELETE FROM mailbox_orphan WHERE content_id IN ({_DUE})"


@dataclass(frozen=True, slots=True)
class Collected:
    looked_at: int  # as many as `limit`: there may be more
    freed: int


async def orphan(tx: Tx, content_id: int, now: int) -> None:
    """Say that content may have lost its last pointer: whoever removes the last one outside this package calls it."""
    await tx.run(_ORPHAN, content_id, now)


async def collect(tx: Tx, older_than: int, limit: int) -> Collected:
    """Look at up to `limit` orphans from before `older_than` (µs UTC) and delete those that neither a message nor the
    queue points to; then the bodies that no content shares any more.

    The delay lets sessions that still show an expunged message read it to the end.
    """
    freed = await tx.all(_FREE, older_than, limit)
    await tx.many(_FREE_BODY, sorted(set(freed)))
    looked_at = await tx.run(_DONE, older_than, limit)
    return Collected(looked_at, len(freed))
