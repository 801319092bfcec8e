"""The queue as mailq(1) has always shown it, for eyes and programs that are used to that."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from correo import queue as waiting
from correo.cli.terminal import printable
from correo.ledger import show_id
from correo.mail.instant import moment
from correo.queue import QueuedRecipient, Selection
from correo.queue.states import State
from correo.storage.db import Tx

PAGE = 1_000  # recipients read at once
EMPTY = "Mail queue is empty"
HEAD = "-Queue ID-    --Size-- ----Arrival Time---- -Sender/Recipient-------"
MARKS = {State.ACTIVE: "*", State.HELD: "!", State.WAITING: " "}


async def everything(tx: Tx) -> list[QueuedRecipient]:
    found: list[QueuedRecipient] = []
    while page := await waiting.list_recipients(
        tx, Selection(), after=found[-1].id if found else 0, limit=PAGE
    ):
        found += page
    return sorted(found, key=lambda one: (one.message.id, one.id))


def listing(recipients: Sequence[QueuedRecipient]) -> str:
    """`recipients` in the order of `everything`."""
    if not recipients:
        return EMPTY
    lines, size, count = [HEAD], 0, 0
    for _, group in groupby(recipients, key=lambda one: one.message.id):
        rows = list(group)
        lines += [*_message(rows), ""]
        size += rows[0].message.size
        count += 1
    plural = "" if count == 1 else "s"
    return "\n".join([*lines, f"-- {max(1, size // 1024)} Kbytes in {count} Request{plural}."])


def _message(rows: Sequence[QueuedRecipient]) -> list[str]:
    message = rows[0].message
    mark = next((MARKS[state] for state in MARKS if any(one.state is state for one in rows)), " ")
    arrived = moment(message.created).strftime("%a %b %e %H:%M:%S")
    sender = message.sender or "MAILER-DAEMON"
    lines = [f"{show_id(message.id) + mark:<13} {message.size:>8} {arrived:<20} {sender}"]
    for one in rows:
        if one.status:
            lines.append(f"{'':>4}({one.status})")
        lines.append(f"{'':>44} {one.address}")
    return [printable(line) for line in lines]
