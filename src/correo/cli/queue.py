"""`correo queue`: mail that waits for other servers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import click

from correo import ledger
from correo import queue as waiting
from correo.cli.human import plural
from correo.cli.queue_words import columns, described, facts, row_of, summary
from correo.cli.terminal import (
    EX_DATAERR,
    EX_NOUSER,
    EX_TEMPFAIL,
    Failure,
    State,
    json_option,
    printable,
    run,
    say,
    show,
    usage,
    with_database,
)
from correo.clock.system import SystemChance, SystemClock
from correo.ledger import read_id, show_id
from correo.mail.address import Address, BadAddress, fold_domain
from correo.ops import queueing
from correo.queue import Census, QueuedRecipient, Selection
from correo.queue.schedule import Schedule
from correo.queue.states import State as Stage
from correo.storage.db import Database, Tx
from correo.transport.settling import Policy

PAGE = 1_000  # recipients read at once

Step = Callable[[Database], Awaitable[list[QueuedRecipient]]]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the command line selects."""

    selection: Selection
    words: str  # how to say it


@click.group()
def command() -> None:
    """Mail that waits for other servers: one row for each recipient.

    WHICH selects: an id, an address, a domain (with a dot in it, or as @domain); several of them narrow it down further.
    A running server notices what is done here within a second.
    """


def _which(function: click.decorators.FC) -> click.decorators.FC:
    return click.argument("which", nargs=-1)(_from(function))


def _from(function: click.decorators.FC) -> click.decorators.FC:
    return click.option(
        "--from", "sender", metavar="ADDRESS", help='only mail from ADDRESS; "" is that of bounces'
    )(function)


def _all(function: click.decorators.FC) -> click.decorators.FC:
    return click.option("--all", "everything", is_flag=True, help="everything in the queue")(function)


def wanted(which: tuple[str, ...], sender: str | None, *, everything: bool) -> Wanted:
    """Raises Failure where nothing is selected, or the same thing twice."""
    if not which and sender is None and not everything:
        raise usage("say which: an id, an address, a domain, --from ADDRESS, or --all")
    if everything and (which or sender is not None):
        raise usage("--all and a selection cannot go together")
    given: dict[str, Any] = {} if sender is None else {"sender": sender}
    for text in which:
        name, value = _read(text)
        if name in given:
            raise usage(
                f"{text}: there is another {name.replace('_', ' ')} already; run the command once for each"
            )
        given[name] = value
    words = " and ".join([*which, *([f"from {sender or '<>'}"] if sender is not None else [])])
    return Wanted(Selection(**given), words or "the queue")


def _read(text: str) -> tuple[str, Any]:
    """Which part of a Selection `text` is."""
    try:
        if text.startswith("@"):
            return "destination", fold_domain(text[1:])
        if "@" in text:
            return "address", Address.parse(text).folded
        if "." in text:
            return "destination", fold_domain(text)
        return "message_id", read_id(text)
    except (BadAddress, ValueError) as wrong:
        raise Failure(f"{text!r} is neither an id nor an address nor a domain: {wrong}", EX_DATAERR) from None


# -- looking -----------------------------------------------------------------------------------------------------------


@command.command("list")
@_which
@click.option("--state", "stage", type=click.Choice([stage.value for stage in Stage]), help="only those")
@click.option("--limit", default=PAGE, show_default=True, type=click.IntRange(1), help="at most so many rows")
@json_option
@click.pass_obj
def list_(state: State, which: tuple[str, ...], sender: str | None, stage: str | None, limit: int) -> None:
    """Show what waits, all of it or WHICH."""
    chosen = wanted(which, sender, everything=not which and sender is None)
    now = SystemClock().now()

    async def work(db: Database) -> tuple[list[QueuedRecipient], Census]:
        return await db.scan(_listed, chosen.selection, stage, limit), await db.scan(waiting.census)

    found, census = run(with_database(state.config(), work))
    rows = [row_of(recipient) for recipient in found]
    nothing = (
        "the queue is empty" if not sum(census.recipients.values()) else f"nothing waits for {chosen.words}"
    )
    show(state, rows, empty=nothing, columns=columns(found, now))
    if rows and not state.as_json:
        print(summary(census, len(rows), now))


async def _listed(tx: Tx, selection: Selection, stage: str | None, limit: int) -> list[QueuedRecipient]:
    found: list[QueuedRecipient] = []
    after = 0
    while len(found) < limit:
        page = await waiting.list_recipients(tx, selection, after=after, limit=PAGE)
        found += [one for one in page if stage is None or one.state.value == stage]
        if len(page) < PAGE:
            break
        after = page[-1].id
    return found[:limit]


@command.command("show")
@click.argument("id")
@json_option
@click.pass_obj
def show_(state: State, id: str) -> None:
    """Show all that is known of the message ID while it waits."""
    number = message_id(id)
    now = SystemClock().now()

    async def work(db: Database) -> tuple[list[QueuedRecipient], list[ledger.Journey]]:
        found = await db.scan(_listed, Selection(message_id=number), None, PAGE)
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
    if state.as_json:
        say(state, "", **facts(found, journey))
        return
    for line in described(found, journey, now):
        print(printable(line))


def message_id(text: str) -> int:
    """Raises Failure."""
    try:
        return read_id(text)
    except ValueError as wrong:
        raise Failure(f"{text!r} is not an id: {wrong}", EX_DATAERR) from None


# -- doing -------------------------------------------------------------------------------------------------------------


@command.command()
@_which
@_all
@json_option
@click.pass_obj
def retry(state: State, which: tuple[str, ...], sender: str | None, everything: bool) -> None:
    """Try at once what waits for its next try."""
    chosen = wanted(which, sender, everything=everything)
    chance, now = SystemChance(), SystemClock().now()
    _do(state, chosen, lambda db: db.bulk(queueing.retry, chosen.selection, chance, now), "retried")


@command.command()
@_which
@_all
@json_option
@click.pass_obj
def hold(state: State, which: tuple[str, ...], sender: str | None, everything: bool) -> None:
    """Stop mail until it is released. Meanwhile it is not tried, and does not expire."""
    chosen = wanted(which, sender, everything=everything)
    chance, now = SystemChance(), SystemClock().now()
    _do(state, chosen, lambda db: db.bulk(queueing.hold, chosen.selection, chance, now), "held")


@command.command()
@_which
@_all
@json_option
@click.pass_obj
def release(state: State, which: tuple[str, ...], sender: str | None, everything: bool) -> None:
    """Let mail go on that was held; it is tried at once."""
    chosen = wanted(which, sender, everything=everything)
    chance, now = SystemChance(), SystemClock().now()
    _do(state, chosen, lambda db: db.bulk(queueing.release, chosen.selection, chance, now), "released")


@command.command()
@_which
@_all
@json_option
@click.pass_obj
def bounce(state: State, which: tuple[str, ...], sender: str | None, everything: bool) -> None:
    """Return mail to its sender now, with a notice that the operator did so."""
    chosen = wanted(which, sender, everything=everything)
    config = state.config()
    schedule = Schedule(config.queue.retry, config.queue.expire, config.queue.warn_after)
    policy = Policy(config.hostname, schedule)
    chance, now = SystemChance(), SystemClock().now()
    _do(state, chosen, lambda db: db.bulk(queueing.bounce, chosen.selection, policy, chance, now), "bounced")


# How recipients are called that were selected and not moved, by what was to be done and the state they are in.
_BUSY = "being tried at this moment"
_LEFT = {
    "retried": {
        Stage.WAITING: "due already",
        Stage.ACTIVE: _BUSY,
        Stage.HELD: "held (let them go with: correo queue release)",
    },
    "held": {Stage.HELD: "held already", Stage.ACTIVE: _BUSY},
    "released": {Stage.WAITING: "not held", Stage.ACTIVE: "not held"},
    "bounced": {Stage.ACTIVE: _BUSY},
}


def _do(state: State, chosen: Wanted, step: Step, done: str) -> None:
    """Run `step` until it moves nothing more, and tell what was done and what was left. Raises Failure."""

    async def work(db: Database) -> tuple[dict[int, QueuedRecipient], list[QueuedRecipient]]:
        moved: dict[int, QueuedRecipient] = {}
        while slice_ := await step(db):
            moved |= {one.id: one for one in slice_}
        left = await db.scan(_listed, chosen.selection, None, PAGE)
        return moved, [one for one in left if one.id not in moved]

    moved, left = run(with_database(state.config(), work))
    stages = {stage: sum(one.state is stage for one in left) for stage in Stage}
    if not moved and not left and chosen.selection != Selection():
        raise Failure(f"nothing waits for {chosen.words}; see what does with: correo queue list", EX_NOUSER)
    if not moved and left and stages[Stage.ACTIVE] == len(left) and done != "released":
        raise Failure(f"{chosen.words}: {_BUSY}; ask again in a minute", EX_TEMPFAIL)
    words = f"{plural(len(moved), 'recipient')} {done}"
    nobody = sum(not one.message.sender for one in moved.values()) if done == "bounced" else 0
    if nobody:
        words += f"; {nobody} of them discarded, since a bounce has no sender to tell"
    alone = [f"{stages[stage]} {remark}" for stage, remark in _LEFT[done].items() if stages[stage]]
    if alone:
        words += f"; left alone: {', '.join(alone)}"
    say(state, words, **{done: len(moved)}, left={stage.value: n for stage, n in stages.items() if n})
