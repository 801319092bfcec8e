"""The whole journey of a message, found by whatever the person who asks has at hand."""

from __future__ import annotations

from dataclasses import dataclass

from correo.ledger.entries import Event
from correo.ledger.ids import read_id
from correo.mail.address import Address, BadAddress
from correo.storage.db import Tx

MAX_JOURNEYS = 1000  # one trace shows at most


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
        return sum(entry.delta for entry in self.entries)


_MESSAGE = """SELECT id, at, protocol, source, account, sender, message_id, subject, size
FROM ledger_message WHERE id = $1"""
_ENTRIES = """SELECT id, at, recipient, event, delta, host, detail
FROM ledger_entry WHERE message_id = $1 ORDER BY id"""
# Each is answered from the end of one index, however large the ledger is.
BY_HEADER = "SELECT id FROM ledger_message WHERE message_id = $1 ORDER BY id DESC LIMIT $2"
BY_SENDER = "SELECT id FROM ledger_message WHERE sender = $1 ORDER BY id DESC LIMIT $2"
BY_RECIPIENT = """SELECT DISTINCT message_id FROM ledger_entry WHERE recipient = $1
ORDER BY message_id DESC LIMIT $2"""


async def trace(tx: Tx, query: str, limit: int) -> list[Journey]:
    """The journeys that `query` names, the newest first: an id in base 32, a Message-ID with or without its brackets, or an
    address, as sender or as recipient (also one that an alias led to).
    """
    limit = max(0, min(limit, MAX_JOURNEYS))
    found = await _ids(tx, query.strip(), limit)
    journeys = [await _journey(tx, id) for id in sorted(found, reverse=True)[:limit]]
    return [journey for journey in journeys if journey is not None]


async def _ids(tx: Tx, query: str, limit: int) -> set[int]:
    bare = query.removeprefix("<").removesuffix(">")
    if not bare:
        return set()  # not the messages that have no Message-ID
    searches = [(BY_HEADER, f"<{bare}>"), (BY_HEADER, query)]
    found: set[int] = set()
    if "@" in bare:
        address = _folded(bare)
        searches += [(BY_SENDER, address), (BY_RECIPIENT, address)]
    else:
        try:
            found.add(read_id(query))
        except ValueError:
            pass  # then it was not an id
    for statement, value in searches:
        found |= {row[0] for row in await tx.all(statement, value, limit)}
    return found


def _folded(text: str) -> str:
    try:
        return Address.parse(text).folded
    except BadAddress:
        return text.lower()


async def _journey(tx: Tx, id: int) -> Journey | None:
    message = await tx.one(_MESSAGE, id)
    if message is None:
        return None
    entries = tuple(
        Entry(entry_id, at, recipient, Event(event), delta, host, detail)
        for entry_id, at, recipient, event, delta, host, detail in await tx.all(_ENTRIES, id)
    )
    return Journey(*(*message, entries))
