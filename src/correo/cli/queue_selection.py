"""What of the queue a command is about, as the command line says it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import click

from correo.cli.terminal import EX_DATAERR, Failure, usage
from correo.ledger import read_id
from correo.mail.address import Address, BadAddress, fold_domain
from correo.mail.instant import parse_duration
from correo.queue import Selection, State


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the command line selects."""

    selection: Selection
    words: str  # how to say it


def selecting(function: click.decorators.FC) -> click.decorators.FC:
    """The arguments and options that `wanted` reads."""
    options = (
        click.argument("which", nargs=-1),
        click.option(
            "--from", "sender", metavar="ADDRESS", help='only mail from ADDRESS; "" is that of bounces'
        ),
        click.option("--older", metavar="DURATION", help="only what has been here for longer, as in 2d"),
        click.option(
            "--state", "stage", type=click.Choice([state.value for state in State]), help="only those"
        ),
    )
    for option in reversed(options):
        function = option(function)
    return function


def wanted(
    which: tuple[str, ...],
    sender: str | None,
    older: str | None,
    stage: str | None,
    *,
    everything: bool,
    now: int,
) -> Wanted:
    """Raises Failure where nothing is selected, or the same thing twice."""
    narrow = which or sender is not None or older or stage
    if not narrow and not everything:
        raise usage(
            "say which: an id, an address, a domain, --from ADDRESS, --older DURATION, --state STATE, or --all"
        )
    if everything and narrow:
        raise usage("--all and a selection cannot go together")
    given: dict[str, Any] = {} if sender is None else {"sender": sender}
    for text in which:
        name, value = read_which(text)
        if name in given:
            raise usage(
                f"{text}: there is another {name.replace('_', ' ')} already; run the command once for each"
            )
        given[name] = value
    words = [*which]
    if sender is not None:
        words.append(f"from {sender or '<>'}")
    if older:
        given["before"] = now - read_duration(older)
        words.append(f"older than {older}")
    if stage:
        given["state"] = State(stage)
        words.append(stage)
    return Wanted(Selection(**given), " and ".join(words) or "the queue")


def message_id(text: str) -> int:
    """Raises Failure."""
    try:
        return read_id(text)
    except ValueError as wrong:
        raise Failure(f"{text!r} is not an id: {wrong}", EX_DATAERR) from None


def read_duration(text: str) -> int:
    try:
        return parse_duration(text)
    except ValueError as wrong:
        raise Failure(str(wrong), EX_DATAERR) from None


def read_which(text: str) -> tuple[str, Any]:
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
