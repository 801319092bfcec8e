"""Durations, dates, flags and statuses."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from correo.mail.flags import ANSWERED, DELETED, SEEN, Flags
from correo.mail.instant import (
    DAY,
    HOUR,
    MINUTE,
    SECOND,
    iso8601,
    parse_duration,
    rfc5322_date,
)
from correo.mail.status import Status

T = 1_795_427_580 * SECOND  # 2026-11-23T09:53:00Z


def test_dates_are_written_as_the_rfc_wants_them() -> None:
    assert rfc5322_date(T) == "Mon, 23 Nov 2026 09:53:00 +0000"
    assert rfc5322_date(T, 90) == "Mon, 23 Nov 2026 11:23:00 +0130"
    assert rfc5322_date(T, -570) == "Mon, 23 Nov 2026 00:23:00 -0930"
    assert iso8601(T + 5) == "2026-11-23T09:53:00.000005Z"


@pytest.mark.parametrize(
    ("text", "value"),
    [("5m", 5 * MINUTE), ("1h30m", HOUR + 30 * MINUTE), ("5d", 5 * DAY), ("250ms", 250_000)],
)
def test_durations(text: str, value: int) -> None:
    assert parse_duration(text) == value


@pytest.mark.parametrize("text", ["", "5", "m", "5 m", "-5m", "5x", "5mm", "1" * 100_000, "1" * 16 + "s"])
def test_not_durations(text: str) -> None:
    with pytest.raises(ValueError, match="not a duration"):
        parse_duration(text)


@given(st.lists(st.tuples(st.integers(0, 10**6), st.sampled_from(("m", "ms", "s", "h", "d"))), min_size=1))
def test_durations_are_the_sum_of_their_parts(parts: list[tuple[int, str]]) -> None:
    units = {"ms": 1000, "s": 1_000_000, "m": MINUTE, "h": HOUR, "d": DAY}
    written = "".join(f"{count}{unit}" for count, unit in parts)
    assert parse_duration(written) == sum(count * units[unit] for count, unit in parts)


def test_flags_keep_the_spelling_and_compare_without_case() -> None:
    flags = Flags.of(["\\seen", "\\Recent", "$Junk", "$junk", "Work"])
    assert flags.names == ["\\Seen", "$Junk", "Work"]
    assert flags.add(Flags.of(["\\Answered", "WORK", "later"])).names == [
        "\\Answered",
        "\\Seen",
        "$Junk",
        "later",
        "Work",
    ]
    assert flags.remove(Flags.of(["work", "\\Seen"])) == Flags(0, ("$Junk",))
    assert Flags.stored(SEEN | DELETED, "a b") == Flags(SEEN | DELETED, ("a", "b"))
    assert Flags.stored(ANSWERED, "") is Flags.stored(ANSWERED, "")


@pytest.mark.parametrize(
    ("code", "text", "enhanced", "rest"),
    [
        (250, "2.1.5 ok", "2.1.5", "ok"),
        (550, "5.1.1 No such user", "5.1.1", "No such user"),
        (550, "2.1.5 lying", "", "2.1.5 lying"),
        (450, "4.7.1", "4.7.1", ""),
        (550, "5.1.1000 too long", "", "5.1.1000 too long"),
    ],
)
def test_enhanced_codes_are_taken_off_the_text(code: int, text: str, enhanced: str, rest: str) -> None:
    assert Status.parse(code, text) == Status(code, enhanced, rest)


def test_a_status_without_an_enhanced_code_still_has_a_class() -> None:
    assert Status(550, "", "no").class_and_detail == "5.0.0"
    assert Status(354, "", "?").class_and_detail == "4.0.0"
