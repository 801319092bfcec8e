"""FUZZY (RFC 6203)."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from correo.mail.message.likeness import EXACT, Wanted


@pytest.mark.parametrize(
    ("needle", "text", "low", "high"),
    [
        ("hello", "well, hello there", 100, 100),
        ("helo", "hello", 60, 99),
        ("hello world", "world, hello", 99, 99),
        ("hello world", "hello", 50, 50),
        ("hello world there", "hello", 0, 0),
        ("xyzzy", "hello", 0, 0),
        ("", "anything", 100, 100),
        ("!?", "anything", 0, 0),
        ("prüfung", "prufung", 0, 99),
    ],
)
def test_table(needle: str, text: str, low: int, high: int) -> None:
    assert low <= Wanted(needle).likeness(text) <= high


@settings(deadline=None, max_examples=200)
@given(st.text("ab c", max_size=20), st.text("ab c", max_size=20))
def test_exactly_is_the_most(needle: str, text: str) -> None:
    likeness = Wanted(needle).likeness(text)
    assert 0 <= likeness <= EXACT
    assert (likeness == EXACT) == (needle in text)


@pytest.mark.parametrize("text", ["a" * 200_000, "ab " * 60_000, " ".join(map(str, range(30_000)))])
def test_hostile_texts_take_no_time(text: str) -> None:
    wanted = Wanted(" ".join(f"zz{number}yy" for number in range(1000)))
    began = time.process_time()
    assert wanted.likeness(text) == 0
    assert time.process_time() - began < 3.0
