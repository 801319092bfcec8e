"""SASLprep against the examples of RFC 4013 §3 and against another implementation."""

from __future__ import annotations

import stringprep

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scramp.utils import ScramException
from scramp.utils import saslprep as other_saslprep

from correo.wire.sasl.saslprep import MAX_TEXT, Unprepared, saslprep


@pytest.mark.parametrize(
    ("text", "prepared"),
    [
        ("I\u00adX", "IX"),
        ("user", "user"),
        ("USER", "USER"),
        ("\u00aa", "a"),
        ("\u2168", "IX"),
        ("a\u00a0b", "a b"),
        ("e\u0301", "é"),
        ("", ""),
        ("\u05d0\u05d1", "\u05d0\u05d1"),
        ("correct 🐴", "correct 🐴"),
    ],
)
def test_prepared(text: str, prepared: str) -> None:
    assert saslprep(text) == prepared


@pytest.mark.parametrize(
    "text",
    [
        "\u0007",
        "\u0627\u0031",
        "a\u05d0",
        "\u05d0a\u05d0",
        "é\u0000",
        "\ue000",
        "\ufffd",
        "\u200e",
        chr(0xD800),
        "x" * (MAX_TEXT + 1),
        "é" * (MAX_TEXT // 2 + 1),
        "\ufdfa" * 40,
    ],
)
def test_unprepared(text: str) -> None:
    with pytest.raises(Unprepared):
        saslprep(text)


@given(st.text(max_size=20))
@settings(deadline=None, max_examples=500)
def test_like_another(text: str) -> None:
    try:
        expected: str | None = other_saslprep(text)
    except ScramException:
        expected = None
    try:
        prepared: str | None = saslprep(text)
    except Unprepared:
        prepared = None
    if prepared is not None:
        assert saslprep(prepared) == prepared
    if not any(stringprep.in_table_a1(char) for char in text):
        assert prepared == expected
