"""`correo queue history`: what became of mail for others lately."""

from __future__ import annotations

from typing import Any

import click

from correo import ledger
from correo.cli.human import span, when
from correo.cli.queue_selection import read_duration, read_which
from correo.cli.terminal import Columns, State, json_option, run, show, usage, with_database
from correo.clock.system import SystemClock
from correo.ledger import MAX_HISTORY, Ended, show_id
from correo.mail.instant import iso8601

SELECTS = {"destination": "domain", "address": "address"}


@click.command()
@click.argument("which", nargs=-1)
@click.option("--from", "sender", metavar="ADDRESS", help='only mail from ADDRESS; "" is that of bounces')
@click.option("--within", metavar="DURATION", help="only mail that came in this time, as in 2d")
@click.option(
    "--limit", default=50, show_default=True, type=click.IntRange(1, MAX_HISTORY), help="the newest so many"
)
@json_option
@click.pass_obj
def history(state: State, which: tuple[str, ...], sender: str | None, within: str | None, limit: int) -> None:
    """Show the last deliveries to others that came to an end, with the last reply and how long they took.

    WHICH is an address or a domain. As far back as the ledger is kept (ledger.keep).
    """
    now = SystemClock().now()
    given: dict[str, Any] = {}
    for text in which:
        name, value = read_which(text)
        if SELECTS.get(name) in (None, *given):
            raise usage(
                f"{text}: say an address or a domain; the whole journey of one message shows correo trace ID"
            )
        given[SELECTS[name]] = value
    if sender is not None:
        given["sender"] = _sender(sender) if sender else ""
    if within:
        given["since"] = now - read_duration(within)
    found = run(with_database(state.config(), lambda db: db.scan(ledger.history, **given, limit=limit)))
    rows = [_row(one) for one in found]
    show(state, rows, empty="nothing has ended that fits", columns=_columns(found))


def _sender(text: str) -> str:
    name, value = read_which(text)
    if name != "address":
        raise usage(f"--from {text}: say an address")
    return str(value)


def _row(one: Ended) -> dict[str, Any]:
    return {
        "id": show_id(one.message_id),
        "sender": one.sender,
        "recipient": one.recipient,
        "event": one.event.value,
        "at": iso8601(one.at),
        "seconds": round((one.at - one.accepted) / 1_000_000, 3),
        "deferred": one.deferred,
        "host": one.host,
        "last_reply": one.detail,
    }


def _columns(found: list[Ended]) -> Columns:
    by_row = {(show_id(one.message_id), one.recipient, iso8601(one.at)): one for one in found}

    def of(row: dict[str, Any]) -> Ended:
        return by_row[row["id"], row["recipient"], row["at"]]

    return {
        "id": lambda row: str(row["id"]),
        "ended": lambda row: when(of(row).at),
        "sender": lambda row: row["sender"] or "<>",
        "recipient": lambda row: str(row["recipient"]),
        "became": lambda row: str(row["event"]),
        "after": lambda row: span(of(row).at - of(row).accepted),
        "last reply": lambda row: row["last_reply"] or "-",
    }
