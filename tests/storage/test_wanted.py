"""Questions to the index of trigrams."""

from __future__ import annotations

from correo.storage.index import AllOf, AnyOf, Wanted
from correo.storage.index.wanted import OF_A_QUESTION, OF_ONE_NEEDLE, expression, indexable


def test_a_needle_is_its_trigrams() -> None:
    assert expression("abcd") == '"abc" AND "bcd"'
    assert expression("aaaaaa") == '"aaa"'
    assert expression('say "x"') == '"say" AND "ay " AND "y """ AND " ""x" AND """x"""'


def test_what_is_short_or_may_be_anything_leaves_nothing_out() -> None:
    assert expression("ab") is None
    assert expression("") is None
    assert expression(AllOf(())) is None
    assert expression(AnyOf(("abc", "x"))) is None
    assert expression(AllOf(("ab", "abc"))) == '("abc")'


def test_alternatives() -> None:
    assert expression(AnyOf(("abc", AllOf(("def", "xyz"))))) == '("abc") OR (("def") AND ("xyz"))'


def test_a_long_needle_is_asked_for_from_end_to_end() -> None:
    asked = expression("".join(map(chr, range(0x4E00, 0x5E00))))
    assert asked is not None
    assert asked.count('"') == 2 * OF_ONE_NEEDLE
    assert "\u4e00\u4e01\u4e02" in asked
    assert "\u5dfd\u5dfe\u5dff" in asked


def test_a_question_stays_short() -> None:
    needles: tuple[Wanted, ...] = tuple(f"needle number {number}" for number in range(1_000))
    asked = expression(AllOf(needles))
    assert asked is not None
    assert asked.count('"') <= 2 * OF_A_QUESTION
    assert expression(AnyOf(needles)) is None


def test_characters_that_cannot_be_stored_stay_characters() -> None:
    assert indexable("a\0b\ud800c\u00e9") == "a\ufffdb?c\u00e9"
