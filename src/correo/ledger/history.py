"""What became of mail for others lately: the last deliveries that came to an end, the newest messages first."""

from __future__ import annotations

import re
from dataclasses import dataclass

from correo.ledger.entries import Event
from correo.storage.db import Tx

MAX_HISTORY = 10_000  # rows in one answer

_LITERALLY = re.compile(r"[%_\\]")
ENDS = (Event.RELAYED, Event.BOUNCED, Event.DISCARDED)


@dataclass(frozen=True, slots=True)
class Ended:
    """One recipient's end. Times are µs UTC."""

    message_id: int
    accepted: int  # when the message came
    sender: str
    recipient: str
    event: Event
    at: int
    host: str
    detail: str  # the last reply, or the rule
    deferred: int  # attempts that were put off before


_COLUMNS = """SELECT e.message_id, m.at, m.sender, e.recipient, e.event, e.at, e.host, e.detail,
  (SELECT COUNT(*) FROM ledger_entry AS d
   WHERE d.message_id = e.message_id AND d.recipient = e.recipient AND d.event = 'deferred')
FROM ledger_entry AS e JOIN ledger_message AS m ON m.id = e.message_id
WHERE e.event IN ($1, $2, $3)"""


async def history(
    tx: Tx,
    *,
    address: str | None = None,
    domain: str | None = None,
    sender: str | None = None,
    since: int = 0,
    limit: int = 100,
) -> list[Ended]:
    """Those that fit everything that is given, all in comparison form; `since` is when the message came.

    For a domain it reads back through the ledger until it has found enough: for `scan`.
    """
    given: list[tuple[str, object]] = [("m.at >= ", since)]
    if address is not None:
        given.append(("e.recipient = ", address))
    if sender is not None:
        given.append(("m.sender = ", sender))
    first = len(ENDS) + 1
    conditions = "".join(f" AND {words}${first + at}" for at, (words, _) in enumerate(given))
    values = [value for _, value in given]
    if domain is not None:
        conditions += f" AND e.recipient LIKE ${first + len(values)} ESCAPE '\\'"
        values.append("%@" + _LITERALLY.sub(r"\\\g<0>", domain))
    rows = await tx.all(
        f"{_COLUMNS}{conditions} ORDER BY e.message_id DESC, e.id DESC LIMIT ${first + len(values)}",
        *(event.value for event in ENDS),
        *values,
        max(0, min(limit, MAX_HISTORY)),
    )
    return [Ended(id, at, who, to, Event(event), *rest) for id, at, who, to, event, *rest in rows]
