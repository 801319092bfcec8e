"""Leases: who is at which recipient, and until when."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from correo.queue.entry import RECIPIENT, QueuedRecipient, with_messages
from correo.queue.states import Event, source, target
from correo.storage.db import Tx

SHARE = 100  # recipients of one destination in one claim: what a transaction carries at most (RFC 5321 §4.5.3.1.8)
WINDOW = (
    2_000  # due recipients a claim looks at, so that a newsletter does not make each claim as long as itself
)

# The condition on the state stands again outside the subquery: on an engine that lets two claims run at once, the second
# one waits for the first at the row itself and must then see that it comes too late. It is written so that no index serves it:
# rows are to be found by the ids of the subquery, not by walking through all that is due (5 times as long with 200,000).
_CLAIM = f"""
UPDATE queue_recipient SET state = $1, lease = $2, lease_until = $3
WHERE state || '' = $4 AND next_try + 0 <= $5 AND id IN (
  SELECT id FROM (
    SELECT id, rank, row_number() OVER (PARTITION BY destination ORDER BY rank, id) AS turn FROM (
      SELECT id, next_try + behind AS rank, destination FROM queue_recipient
      WHERE state = $4 AND next_try <= $5 %s
      ORDER BY next_try LIMIT {WINDOW}) AS near) AS fair
  WHERE turn <= {SHARE} ORDER BY turn, rank, id LIMIT $6)
RETURNING {RECIPIENT}"""

_FIRST_BUSY = 7  # the number of the first parameter that names a busy destination
_FIRST_SPARED = 4  # and of the first that names who is spared


async def claim(
    tx: Tx, *, owner: str, now: int, lease_until: int, limit: int, busy: Collection[str] = ()
) -> list[QueuedRecipient]:
    """Up to `limit` recipients that are due, for `owner` alone until `lease_until`; the longest due come first, with their
    priorities counted as `mail.terms.HEAD_START` says.

    None of the destinations in `busy`, and of any other at most `SHARE`: taken in turns, so that a destination with
    very many recipients does not keep the others waiting.
    """
    names = _padded(sorted(busy))
    places = ", ".join(f"${_FIRST_BUSY + at}" for at in range(len(names)))
    rows = await tx.all(
        _CLAIM % (f"AND destination NOT IN ({places})" if names else ""),
        target(Event.CLAIM),
        owner,
        lease_until,
        source(Event.CLAIM),
        now,
        limit,
        *names,
    )
    claimed = await with_messages(tx, rows)
    return sorted(claimed, key=lambda recipient: (recipient.next_try, recipient.id))


def _padded(names: list[str]) -> list[str]:
    """Repeat the last name up to a power of two, so that few different statements are prepared."""
    if not names:
        return names
    return names + names[-1:] * ((1 << (len(names) - 1).bit_length()) - len(names))


async def renew(tx: Tx, claimed: Iterable[QueuedRecipient], lease_until: int) -> None:
    """Prolong the leases of those that are still being tried; who lost one does not get it back."""
    state = target(Event.CLAIM)
    await tx.many(
        "UPDATE queue_recipient SET lease_until = $1 WHERE id = $2 AND state = $3 AND lease = $4",
        ((lease_until, one.id, state, one.lease) for one in claimed),
    )


async def give_back(tx: Tx, owner: str) -> int:
    """Let go of what `owner` claimed and did not try; due as before. How many."""
    return await tx.run(
        "UPDATE queue_recipient SET state = $1, lease = '', lease_until = 0 WHERE state = $2 AND lease = $3",
        target(Event.GIVE_BACK),
        source(Event.GIVE_BACK),
        owner,
    )


async def owners(tx: Tx) -> dict[str, int]:
    """Who has leases, and when the first of them ends."""
    return dict(
        await tx.all(
            "SELECT lease, min(lease_until) FROM queue_recipient WHERE state = $1 GROUP BY lease",
            target(Event.CLAIM),
        )
    )


async def recover(tx: Tx, now: int, spared: Collection[str] = ()) -> int:
    """Take back the leases that have ended: whoever had them is gone, but for those who are `spared`. How many."""
    names = _padded(sorted(spared))
    places = ", ".join(f"${_FIRST_SPARED + at}" for at in range(len(names)))
    return await tx.run(
        "UPDATE queue_recipient SET state = $1, lease = '', lease_until = 0 WHERE state = $2 AND lease_until <= $3"
        + (f" AND lease NOT IN ({places})" if names else ""),
        target(Event.LAPSE),
        source(Event.LAPSE),
        now,
        *names,
    )


async def due(tx: Tx, after: int = -1) -> int | None:
    """The next instant later than `after` at which a recipient is to be tried; None when none is waiting."""
    row = await tx.one(
        "SELECT min(next_try) FROM queue_recipient WHERE state = $1 AND next_try > $2",
        source(Event.CLAIM),
        after,
    )
    found: int | None = row[0] if row else None
    return found
