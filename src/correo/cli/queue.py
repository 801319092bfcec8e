"""`correo queue`: mail that waits for other servers."""

from __future__ import annotations

from typing import Any

import click

from correo import ledger
from correo import queue as waiting
from correo.cli.queue_acts import ACTS
from correo.cli.queue_history import history
from correo.cli.queue_selection import message_id, selecting, wanted
from correo.cli.queue_words import columns, described, facts, row_of, summary
from correo.cli.terminal import (
    EX_NOUSER,
    Failure,
    State,
    json_option,
    printable,
    run,
    say,
    show,
    with_database,
)
from correo.clock.system import SystemClock
from correo.ledger import show_id
from correo.ops import routing
from correo.queue import Census, QueuedRecipient, Selection
from correo.storage.db import Database, Tx

PAGE = 1_000  # recipients read at once


@click.group()
def command() -> None:
    """Mail that waits for other servers: one row for each recipient.

    WHICH selects: an id, an address, a domain (with a dot in it, or as @domain); several of them narrow it down further.
    A running server notices what is done here within a second.
    """


for act in (*ACTS, history):
    command.add_command(act)


# -- looking -----------------------------------------------------------------------------------------------------------


@command.command("list")
@selecting
@click.option("--limit", default=PAGE, show_default=True, type=click.IntRange(1), help="at most so many rows")
@json_option
@click.pass_obj
def list_(state: State, /, limit: int, **given: Any) -> None:
    """Show what waits, all of it or WHICH."""
    now = SystemClock().now()
    narrow = any(value not in (None, ()) for value in given.values())
    chosen = wanted(**given, everything=not narrow, now=now)

    async def work(db: Database) -> tuple[list[QueuedRecipient], Census]:
        return await db.scan(_listed, chosen.selection, limit), await db.scan(waiting.census)

    found, census = run(with_database(state.config(), work))
    rows = [row_of(recipient) for recipient in found]
    nothing = (
        "the queue is empty" if not sum(census.recipients.values()) else f"nothing waits for {chosen.words}"
    )
    show(state, rows, empty=nothing, columns=columns(found, now))
    if rows and not state.as_json:
        print(summary(census, len(rows), now))


async def _listed(tx: Tx, selection: Selection, limit: int) -> list[QueuedRecipient]:
    found: list[QueuedRecipient] = []
    after = 0
    while len(found) < limit:
        page = await waiting.list_recipients(tx, selection, after=after, limit=min(PAGE, limit - len(found)))
        found += page
        if len(page) < PAGE:
            break
        after = page[-1].id
    return found


@command.command("show")
@click.argument("id")
@json_option
@click.pass_obj
def show_(state: State, id: str) -> None:
    """Show all that is known of the message ID while it waits."""
    number = message_id(id)
    now = SystemClock().now()

    async def work(db: Database) -> tuple[list[QueuedRecipient], list[ledger.Journey]]:
        found = await db.scan(_listed, Selection(message_id=number), PAGE)
        return found, await db.read(ledger.trace, show_id(number), 1)

    found, journeys = run(with_database(state.config(), work))
    if not found:
        hint = (
            f"what became of it says: correo trace {id}"
            if journeys
            else "see what is with: correo queue list"
        )
        raise Failure(f"no message {id} waits in the queue; {hint}", EX_NOUSER)
    journey = journeys[0] if journeys else None
    policy = routing.policy(state.config())
    if state.as_json:
        say(state, "", **facts(found, journey, policy))
        return
    for line in described(found, journey, policy, now):
        print(printable(line))
