"""HOLDFOR, HOLDUNTIL, BY and MT-PRIORITY: what is read and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from correo.mail.instant import SECOND
from correo.wire.smtp.syntax import BadSyntax
from correo.wire.smtp.terms import (
    DeliverBy,
    by_words,
    parse_by,
    parse_date_time,
    parse_hold_for,
    parse_hold_until,
    parse_priority,
    show_date_time,
)

NEW_YEAR = 1_767_225_600 * SECOND


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-01-01T00:00:00Z", NEW_YEAR),
        ("2026-01-01t00:00:00.999z", NEW_YEAR),
        ("2026-01-01T01:30:00+01:30", NEW_YEAR),
        ("2025-12-31T22:00:00-02:00", NEW_YEAR),
        ("2025-12-31T23:59:60Z", NEW_YEAR),
        ("2025-12-31T23:59:61Z", None),
        ("2025-02-29T00:00:00Z", None),
        ("2026-01-01T24:00:00Z", None),
        ("2026-01-01T00:00:00+24:00", None),
        ("2026-01-01T00:00:00", None),
        ("2026-01-01 00:00:00Z", None),
        ("9999-12-31T23:59:60Z", None),
        ("0000-01-01T00:00:00Z", None),
        ("٢026-01-01T00:00:00Z", None),
    ],
)
def test_date_times(text: str, expected: int | None) -> None:
    assert parse_date_time(text) == expected


@given(st.integers(0, 4_000_000_000))
@settings(deadline=None, max_examples=100)
def test_a_date_time_that_is_shown_is_read_as_it_was(seconds: int) -> None:
    assert parse_hold_until(show_date_time(seconds * SECOND)) == seconds * SECOND


@given(st.integers(-999_999_999, 999_999_999), st.booleans(), st.booleans())
@settings(deadline=None, max_examples=100)
def test_what_is_written_by_is_read_as_it_was(seconds: int, returns: bool, trace: bool) -> None:
    by = DeliverBy(seconds, returns, trace)
    if returns and seconds <= 0:
        with pytest.raises(BadSyntax):
            parse_by(by_words(by))
    else:
        assert parse_by(by_words(by)) == by


@pytest.mark.parametrize("parse", [parse_hold_for, parse_hold_until, parse_by, parse_priority])
@given(st.one_of(st.none(), st.text(max_size=40)))
@settings(deadline=None, max_examples=100)
def test_anything_is_read_or_refused(parse: Callable[[str | None], object], value: str | None) -> None:
    with suppress(BadSyntax):
        parse(value)


def test_priorities() -> None:
    assert [parse_priority(str(number)) for number in range(-9, 10)] == list(range(-9, 10))
