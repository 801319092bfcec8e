"""`correo trace`: the journey of a message."""

from __future__ import annotations

from typing import Any

import click

from correo import ledger, queue
from correo.cli.human import octets, plural, span, when
from correo.cli.queue_words import next_step
from correo.cli.terminal import EX_NOUSER, Failure, State, encode, json_option, printable, run, with_database
from correo.clock.system import SystemClock
from correo.ledger import MAX_JOURNEYS, Entry, Journey, show_id
from correo.mail.instant import SECOND, iso8601
from correo.queue import QueuedRecipient, Selection
from correo.storage.db import Database, Tx

Waiting = dict[tuple[int, str], QueuedRecipient]  # by message and recipient


@click.command()
@click.argument("what", metavar="ADDRESS|MESSAGE-ID|ID")
@click.option(
    "--limit", default=20, show_default=True, type=click.IntRange(1, MAX_JOURNEYS), help="the newest so many"
)
@json_option
@click.pass_obj
def command(state: State, what: str, limit: int) -> None:
    """Show the journey of a message, from its acceptance to what became of each recipient.

    Name it by the id in our reply and the log, by its Message-ID, or by an address: then it is every message from or to it.
    """
    now = SystemClock().now()

    async def work(db: Database) -> tuple[list[Journey], Waiting]:
        return await db.scan(_look, what, limit)

    journeys, waiting = run(with_database(state.config(), work))
    if not journeys:
        words = f"nothing is known of {what}; name an id, a Message-ID or an address, as the log has it"
        raise Failure(words, EX_NOUSER)
    if state.as_json:
        print(encode([_facts(journey, waiting) for journey in journeys]))
        return
    for number, journey in enumerate(reversed(journeys)):
        if number:
            print()
        for line in describe(journey, waiting, now):
            print(printable(line))
    if len(journeys) == limit:
        print(f"\nthese are the newest {limit}; for older ones raise --limit")


async def _look(tx: Tx, what: str, limit: int) -> tuple[list[Journey], Waiting]:
    journeys = await ledger.trace(tx, what, limit)
    waiting: Waiting = {}
    for journey in journeys:
        if journey.pending:
            for one in await queue.list_recipients(tx, Selection(message_id=journey.id)):
                waiting[journey.id, one.folded] = one
    return journeys, waiting


def describe(journey: Journey, waiting: Waiting, now: int) -> list[str]:
    """The journey as lines: who sent what, then every event with its moment and how long after acceptance."""
    who = f" by {journey.account}" if journey.account else ""
    source = f" from {journey.source}" if journey.source else ""
    lines = [
        f"{show_id(journey.id)}  {journey.subject or '(no subject)'}",
        f"  {journey.message_id or '(no Message-ID)'}, {octets(journey.size)}",
        f"  from {journey.sender or '<>'}, {journey.protocol}{source}{who}, {when(journey.at)}",
    ]
    width = max((len(entry.recipient) for entry in journey.entries), default=0)
    for entry in journey.entries:
        after = _after(entry.at - journey.at)
        line = f"  {when(entry.at)} {after:>8}  {entry.recipient:<{width}}  {entry.event.value:<9}  {_detail(entry)}"
        lines.append(line.rstrip())
    for (message_id, _), one in waiting.items():
        if message_id == journey.id:
            lines.append(f"  now waits {'':>19}  {one.folded:<{width}}  {_prospect(one, now)}")
    if not journey.pending:
        lines.append(f"  {_ended(journey)}")
    return lines


def _after(duration: int) -> str:
    if duration < SECOND:
        return f"+{duration // 1000}ms" if duration >= 1000 else ""
    return f"+{span(duration)}"


def _detail(entry: Entry) -> str:
    return " ".join(part for part in (f"by {entry.host}:" if entry.host else "", entry.detail) if part)


def _prospect(one: QueuedRecipient, now: int) -> str:
    tries = plural(one.attempts, "attempt")
    step = next_step(one, now)
    words = f"next try {step}" if one.state is queue.State.WAITING else step
    return f"{words}, {tries} so far, given up in {span(one.message.expires - now)}"


def _ended(journey: Journey) -> str:
    ends = [entry.event.value for entry in journey.entries if entry.delta < 0]
    counts = [f"{ends.count(name)} {name}" for name in ("delivered", "relayed", "bounced", "discarded")]
    return "ended: " + ", ".join(words for words in counts if not words.startswith("0 "))


def _facts(journey: Journey, waiting: Waiting) -> dict[str, Any]:
    return {
        "id": show_id(journey.id),
        "at": iso8601(journey.at),
        "protocol": journey.protocol,
        "source": journey.source,
        "account": journey.account,
        "sender": journey.sender,
        "message_id": journey.message_id,
        "subject": journey.subject,
        "size": journey.size,
        "pending": journey.pending,
        "events": [
            {
                "at": iso8601(entry.at),
                "recipient": entry.recipient,
                "event": entry.event.value,
                "host": entry.host,
                "detail": entry.detail,
            }
            for entry in journey.entries
        ],
        "waiting": [
            {
                "recipient": one.folded,
                "state": one.state.value,
                "attempts": one.attempts,
                "next_try": iso8601(one.next_try),
            }
            for (message_id, _), one in waiting.items()
            if message_id == journey.id
        ],
    }
