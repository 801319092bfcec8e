"""The closing table: every recipient who was accepted, and what became of him, from the ledgers of both servers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from correo import ledger
from correo.app import Server
from correo.ledger import Event
from correo.storage.db import Tx

ENDS = (Event.DELIVERED, Event.RELAYED, Event.BOUNCED, Event.DISCARDED)


@dataclass(frozen=True, slots=True)
class Account:
    """The books of one server."""

    rows: list[dict[str, Any]]
    difference: int
    pending: int


async def closing(server: Server, people: list[str]) -> Account:
    """Every message that one of `people` sent or got, recipient by recipient."""
    rows: dict[tuple[int, str], dict[str, Any]] = {}
    pending = 0
    for person in [*people, ""]:
        for journey in await server.db.read(_journeys, person):
            for entry in journey.entries:
                row = rows.setdefault((journey.id, entry.recipient), _row(server, journey))
                row["recipient"] = entry.recipient
                if entry.event is Event.DEFERRED:
                    row["tries"] += 1
                if entry.event in ENDS:
                    row["end"] = entry.event.value
                    row["where"] = _where(entry)
            pending += journey.pending
    balance = await server.db.scan(ledger.balance)
    ordered = [row for _, row in sorted(rows.items())]
    return Account(ordered, balance.difference, balance.queued_in_queue)


async def _journeys(tx: Tx, person: str) -> list[ledger.Journey]:
    return await ledger.trace(tx, person, 100) if person else []


def _row(server: Server, journey: ledger.Journey) -> dict[str, Any]:
    return {
        "server": server.config.hostname,
        "message": ledger.show_id(journey.id),
        "subject": journey.subject,
        "sender": journey.sender or "<> (a bounce)",
        "recipient": "",
        "tries": 0,
        "end": "STILL OPEN",
        "where": "",
    }


def _where(entry: ledger.Entry) -> str:
    return f"{entry.host}: {entry.detail}" if entry.host else entry.detail
