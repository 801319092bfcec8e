"""What the operator does to the queue: retry, hold, release, reroute, bounce, delete."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any

import click

from correo import queue as waiting
from correo.cli.human import plural
from correo.cli.queue_selection import Wanted, selecting, wanted
from correo.cli.terminal import (
    EX_DATAERR,
    EX_NOUSER,
    EX_TEMPFAIL,
    Failure,
    State,
    json_option,
    run,
    say,
    with_database,
)
from correo.clock.system import SystemChance, SystemClock
from correo.config import Config
from correo.mail.instant import MINUTE
from correo.mail.way import Kind, Way
from correo.mail.wishes import Notify
from correo.ops import queueing, routing
from correo.queue import QueuedRecipient, Selection
from correo.queue.states import State as Stage
from correo.storage.db import Database

# One slice: what to do it to, and from where on.
Step = Callable[[Database, Selection], Awaitable[list[QueuedRecipient]]]

# Further ahead is no mail that came in while the command started, but some from before the clock was set back.
SET_BACK = MINUTE

_BUSY = "being tried at this moment"


@dataclass(frozen=True, slots=True)
class Act:
    done: str  # how recipients are called afterwards
    moves: tuple[Stage, ...]  # those that it can be done to
    left: dict[Stage, str]  # how the others are called that were selected


RETRY = Act(
    "retried",
    (Stage.WAITING,),
    {
        Stage.WAITING: "due already",
        Stage.ACTIVE: _BUSY,
        Stage.HELD: "held (let them go with: correo queue release)",
    },
)
HOLD = Act("held", (Stage.WAITING,), {Stage.HELD: "held already", Stage.ACTIVE: _BUSY})
RELEASE = Act("released", (Stage.HELD,), {Stage.WAITING: "not held", Stage.ACTIVE: "not held"})
REROUTE = Act(
    "rerouted",
    (Stage.WAITING, Stage.HELD),
    {Stage.WAITING: "for a mailbox here", Stage.HELD: "for a mailbox here", Stage.ACTIVE: _BUSY},
)
BOUNCE = Act("bounced", (Stage.WAITING, Stage.HELD), {Stage.ACTIVE: _BUSY})
DELETE = Act("deleted", (Stage.WAITING, Stage.HELD), {Stage.ACTIVE: _BUSY})


def _acting(function: click.decorators.FC) -> click.decorators.FC:
    options = (
        selecting,
        click.option("--all", "everything", is_flag=True, help="everything in the queue"),
        click.option("--dry-run", is_flag=True, help="say how many it would be, and do nothing"),
        json_option,
        click.pass_obj,
    )
    for option in reversed(options):
        function = option(function)
    return function


@click.command()
@_acting
def retry(state: State, **given: Any) -> None:
    """Try at once what waits for its next try."""
    chance, now = SystemChance(), SystemClock().now()
    _do(state, RETRY, given, now, lambda db, which: db.bulk(queueing.retry, which, chance, now))


@click.command()
@_acting
def hold(state: State, **given: Any) -> None:
    """Stop mail until it is released. Meanwhile it is not tried, and does not expire."""
    chance, now = SystemChance(), SystemClock().now()
    _do(state, HOLD, given, now, lambda db, which: db.bulk(queueing.hold, which, chance, now))


@click.command()
@_acting
def release(state: State, **given: Any) -> None:
    """Let mail go on that was held; it is tried at once."""
    chance, now = SystemChance(), SystemClock().now()
    _do(state, RELEASE, given, now, lambda db, which: db.bulk(queueing.release, which, chance, now))


@click.command()
@click.option(
    "--to",
    "way",
    metavar="WAY",
    required=True,
    help="as in smtp:relay.example.net:25, mx:example.net, or usual",
)
@_acting
def reroute(state: State, way: str, **given: Any) -> None:
    """Send mail another way, at once, whatever the routes say; what was held goes on, too.

    WAY is smtp:HOST:PORT, lmtp:HOST:PORT, lmtp:unix:PATH, mx:DOMAIN, mx for the recipients' own mail hosts, route:NAME for a
    route of the configuration, or usual to undo it.
    """
    chance, now = SystemChance(), SystemClock().now()
    chosen = None if way == "usual" else _way(state.config(), way)
    _do(state, REROUTE, given, now, lambda db, which: db.bulk(queueing.reroute, which, chosen, chance, now))


@click.command()
@_acting
def bounce(state: State, **given: Any) -> None:
    """Return mail to its sender now, with a notice that the operator did so."""
    policy = routing.policy(state.config())
    chance, now = SystemChance(), SystemClock().now()
    _do(state, BOUNCE, given, now, lambda db, which: db.bulk(queueing.bounce, which, policy, chance, now))


@click.command()
@_acting
def delete(state: State, **given: Any) -> None:
    """Let mail disappear for good. Nobody is told; the ledger keeps that it was there."""
    chance, now = SystemChance(), SystemClock().now()
    _do(state, DELETE, given, now, lambda db, which: db.bulk(queueing.delete, which, chance, now))


ACTS = (retry, hold, release, reroute, bounce, delete)


def _way(config: Config, text: str) -> Way:
    """Raises Failure."""
    try:
        way = Way.parse(text)
    except ValueError as wrong:
        raise Failure(f"{text!r}: {wrong}", EX_DATAERR) from None
    if way.kind in (Kind.HOLD, Kind.DISCARD):
        raise Failure(f"{text!r} leads nowhere; see correo queue hold and correo queue delete", EX_DATAERR)
    names = [route.name for route in config.route if route.name]
    if way.kind is Kind.ROUTE and way.host not in names:
        known = f"known are {', '.join(names)}" if names else "none has a name"
        raise Failure(f"there is no route {way.host!r} in the configuration; {known}", EX_NOUSER)
    return way


def _do(state: State, act: Act, given: dict[str, Any], now: int, step: Step) -> None:
    """Run `step` until it moves nothing more, and tell what was done and what was left. Raises Failure."""
    dry_run = given.pop("dry_run")
    chosen = wanted(**given, now=now)
    if dry_run:
        _foretell(state, act, chosen)
        return

    async def work(db: Database) -> tuple[int, int, int, dict[Stage, int]]:
        before = await db.scan(waiting.count, chosen.selection)
        moved = nobody = unwanted = 0
        # Only what was there when it began: notices to senders elsewhere wait in the queue, too, and mail comes in meanwhile.
        latest = await db.scan(waiting.newest)
        began = latest + 1 if latest > now + SET_BACK else now
        which = replace(chosen.selection, before=min(chosen.selection.before or began, began))
        while slice_ := await step(db, which):
            moved += len(slice_)
            nobody += sum(not one.message.sender for one in slice_)
            unwanted += sum(
                bool(one.message.sender) and not one.wishes.wants(Notify.FAILURE) for one in slice_
            )
            which = replace(which, after=max(one.id for one in slice_))
        return moved, nobody, unwanted, _left(before, act, moved)

    moved, nobody, unwanted, left = run(with_database(state.config(), work))
    if not moved:
        _nothing(act, chosen, left)
    words = f"{plural(moved, 'recipient')} {act.done}"
    if nobody and act is BOUNCE:
        words += f"; {nobody} of them discarded, since a bounce has no sender to tell"
    if unwanted and act is BOUNCE:
        words += f"; {unwanted} of them discarded, since their senders want no notice"
    alone = [f"{left[stage]} {remark}" for stage, remark in act.left.items() if left.get(stage)]
    if alone:
        words += f"; left alone: {', '.join(alone)}"
    say(state, words, **{act.done: moved}, left={stage.value: number for stage, number in left.items()})


def _left(before: dict[Stage, int], act: Act, moved: int) -> dict[Stage, int]:
    """Of those that were selected, who was not moved; delivery goes on meanwhile, so that it is what it was at the beginning."""
    left = dict(before)
    for stage in act.moves:
        taken = min(left[stage], moved)
        left[stage] -= taken
        moved -= taken
    return {stage: number for stage, number in left.items() if number}


def _nothing(act: Act, chosen: Wanted, left: dict[Stage, int]) -> None:
    """Raises Failure where that nothing was done needs a reason."""
    if not left and chosen.selection != Selection():
        raise Failure(f"nothing waits for {chosen.words}; see what does with: correo queue list", EX_NOUSER)
    if set(left) == {Stage.ACTIVE} and act is not RELEASE:
        raise Failure(f"{chosen.words}: {_BUSY}; ask again in a minute", EX_TEMPFAIL)


def _foretell(state: State, act: Act, chosen: Wanted) -> None:
    counted = run(with_database(state.config(), lambda db: db.scan(waiting.count, chosen.selection)))
    number = sum(counted[stage] for stage in act.moves)
    others = {stage: count for stage, count in counted.items() if count and stage not in act.moves}
    words = f"{plural(number, 'recipient')} would be {act.done}"
    if others:
        words += f"; left alone: {', '.join(f'{count} {stage.value}' for stage, count in others.items())}"
    say(
        state, words, **{f"would_be_{act.done}": number}, left={stage.value: n for stage, n in others.items()}
    )
