"""How commands speak: tables, numbers, progress."""

from __future__ import annotations

import io
from typing import Any

import pytest

from correo.cli import COMMANDS
from correo.cli.human import octets, plural, span, until, when
from correo.cli.password import generate_password
from correo.cli.progress import Progress
from correo.cli.terminal import EXIT_CODES, table
from correo.clock.virtual import SeededChance
from correo.mail.errors import Kind
from correo.mail.instant import DAY, HOUR, MINUTE, SECOND


def test_every_refusal_has_an_exit_status() -> None:
    assert set(EXIT_CODES) == set(Kind)
    assert all(64 <= code <= 78 for code in EXIT_CODES.values())


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(name: str, correo: Any) -> None:
    ran = correo(name, "--help")
    assert ran.code == 0
    assert "--json" in ran.out or name in (
        "serve",
        "domain",
        "account",
        "alias",
        "share",
        "import",
        "export",
        "index",
        "queue",
        "sendmail",
    )


@pytest.mark.parametrize(
    ("count", "words"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 KB"), (12_345, "12 KB"), (5_000_000_000_000, "5.0 TB")],
)
def test_octets(count: int, words: str) -> None:
    assert octets(count) == words


@pytest.mark.parametrize(
    ("duration", "words"),
    [
        (-5, "0s"),
        (59 * SECOND, "59s"),
        (MINUTE, "1m"),
        (3 * HOUR + 20 * MINUTE, "3h 20m"),
        (5 * DAY, "5d"),
        (2 * DAY + 4 * HOUR + MINUTE, "2d 4h"),
    ],
)
def test_spans(duration: int, words: str) -> None:
    assert span(duration) == words


def test_words_for_moments_and_counts() -> None:
    assert when(0) == "1970-01-01 00:00:00Z"
    assert (until(10 * MINUTE, MINUTE), until(5, 5)) == ("in 9m", "now")
    assert (plural(1, "mailbox", "mailboxes"), plural(2, "mailbox", "mailboxes"), plural(0, "x")) == (
        "1 mailbox",
        "2 mailboxes",
        "0 xs",
    )


def test_tables_align_and_carry_no_commands() -> None:
    text = table([{"name": "a\x1b[2J", "size": 5}, {"name": "bb", "size": 1234}], right={"size"})
    assert text.splitlines() == ["name   size", "-----  ----", "a�[2J     5", "bb     1234"]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_is_for_terminals_alone_and_leaves_no_trace() -> None:
    for out, silent in ((Terminal(), False), (io.StringIO(), True)):
        with Progress(out) as progress:
            progress("copying", 5, 10)
            progress("checking", 0, 0)
        assert (out.getvalue() == "") == silent
    out = Terminal()
    with Progress(out) as progress:
        progress("copying", 5, 10)
        assert out.getvalue() == "\rcopying  50%"
    assert out.getvalue().endswith("\r" + " " * len("copying  50%") + "\r")


def test_generated_passwords_are_long_and_differ() -> None:
    chance = SeededChance(1)
    made = {generate_password(chance) for _ in range(50)}
    assert len(made) == 50
    assert {len(one) for one in made} == {23}
