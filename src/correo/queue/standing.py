"""What one account has submitted and still waits: how it stands, cheaply enough to be asked again and again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from correo.queue.entry import LOOKUP
from correo.queue.states import State
from correo.storage.db import Tx

MOST = 10_000  # messages of one account, those that have waited longest: nobody goes through more, and a program may leave a million
ALL = 2**63 - 1  # no id is higher

# `<> 0` stands there in the words of the index queue_message_account, which has no others.
_OF_ACCOUNT = "m.account_id = $1 AND m.account_id <> 0"
_BEYOND = f"SELECT m.id FROM queue_message AS m WHERE {_OF_ACCOUNT} ORDER BY m.id LIMIT 1 OFFSET {MOST}"
_SIZE = f"SELECT coalesce(sum(m.remaining), 0) FROM queue_message AS m WHERE {_OF_ACCOUNT} AND m.id < $2"
_IDS = ", ".join(f"${number}" for number in range(2, LOOKUP + 2))
# Of the times whole seconds: fifty thousand recipients would leave the range of an integer by their microseconds.
_STANDING = f"""SELECT m.id, m.content_id, m.skip, m.created, count(*), sum(r.attempts), sum(r.next_try / 1000000), sum(r.code),
  sum(CASE r.state WHEN '{State.HELD.value}' THEN 1 ELSE 0 END)
FROM queue_message AS m JOIN queue_recipient AS r ON r.message_id = m.id
WHERE {_OF_ACCOUNT} AND {{those}} GROUP BY m.id, m.content_id, m.skip, m.created ORDER BY m.id"""
_FIRST = _STANDING.format(those="m.id < $2")
_SOME = _STANDING.format(those=f"m.id IN ({_IDS})")
_ACTIVE = (
    f"SELECT 1 FROM queue_recipient WHERE message_id = $1 AND state || '' = '{State.ACTIVE.value}' LIMIT 1"
)


@dataclass(frozen=True, slots=True)
class Standing:
    """A message with recipients that have not ended. Another `version`: something became of one of them, beyond being tried now."""

    id: int
    content_id: int
    skip: int  # octets at the front of the content that stay here
    created: int
    recipients: int
    version: str


async def waiting(tx: Tx, account_id: int) -> int:
    """How many recipients of what the account has submitted wait: what `standing` would read of the first MOST messages."""
    row = await tx.one(_SIZE, account_id, await _beyond(tx, account_id))
    return int(row[0]) if row else 0


async def standing(tx: Tx, account_id: int, ids: Sequence[int] | None = None) -> list[Standing]:
    """The first MOST in the order in which they came, or of these messages those that still wait; for `scan` where it is much."""
    if ids is None:
        return [_standing(*row) for row in await tx.all(_FIRST, account_id, await _beyond(tx, account_id))]
    found: list[Standing] = []
    for start in range(0, len(ids), LOOKUP):
        lot = list(ids[start : start + LOOKUP])
        lot += lot[-1:] * (LOOKUP - len(lot))
        found += [_standing(*row) for row in await tx.all(_SOME, account_id, *lot)]
    return found


async def _beyond(tx: Tx, account_id: int) -> int:
    """An id above those of the first MOST messages."""
    row = await tx.one(_BEYOND, account_id)
    return int(row[0]) if row else ALL


async def is_under_way(tx: Tx, message_id: int) -> bool:
    """Whether somebody is at a recipient of the message, so that nobody can tell any more whether it will arrive."""
    return await tx.one(_ACTIVE, message_id) is not None


def _standing(id: int, content_id: int, skip: int, created: int, recipients: int, *sums: int) -> Standing:
    return Standing(id, content_id, skip, created, recipients, ".".join(map(str, (recipients, *sums))))
