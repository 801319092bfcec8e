"""A journey as it is read: a message, and everything that became of it."""

from __future__ import annotations

from dataclasses import dataclass

from correo.ledger.entries import Event
from correo.storage.db import Tx


@dataclass(frozen=True, slots=True)
class Entry:
    """One event. Times are µs UTC."""

    id: int
    at: int
    recipient: str
    event: Event
    delta: int
    host: str
    detail: str


@dataclass(frozen=True, slots=True)
class Journey:
    """A message and everything that became of it, in order."""

    id: int
    at: int
    protocol: str
    source: str
    account: str
    sender: str
    message_id: str
    subject: str
    size: int  # octets
    entries: tuple[Entry, ...]

    @property
    def pending(self) -> int:
        """Recipients whose journey has not ended."""
        return max(0, sum(entry.delta for entry in self.entries))


_MESSAGE = """SELECT id, at, protocol, source, account, sender, message_id, subject, size
FROM ledger_message WHERE id = $1"""
_ENTRIES = """SELECT id, at, recipient, event, delta, host, detail
FROM ledger_entry WHERE message_id = $1 ORDER BY id"""


async def journey(tx: Tx, id: int) -> Journey | None:
    """None where it is not known, or forgotten."""
    message = await tx.one(_MESSAGE, id)
    if message is None:
        return None
    entries = tuple(
        Entry(entry_id, at, recipient, Event(event), delta, host, detail)
        for entry_id, at, recipient, event, delta, host, detail in await tx.all(_ENTRIES, id)
    )
    return Journey(*(*message, entries))
