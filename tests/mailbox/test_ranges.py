"""UID sets against Python's own sets."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from correo.mailbox import ranges

uids = st.sets(st.integers(1, 40))


@settings(deadline=None, max_examples=150)
@given(uids)
def test_of_is_the_shortest_way_to_say_it(wanted: set[int]) -> None:
    found = ranges.of(sorted(wanted))
    assert list(ranges.expanded(found)) == sorted(wanted)
    assert all(first[1] + 1 < second[0] for first, second in pairwise(found))
    assert ranges.parsed(ranges.text(found)) == found


@settings(deadline=None, max_examples=150)
@given(st.lists(st.tuples(st.integers(1, 30), st.integers(0, 8))))
def test_merged_is_the_union(pairs: list[tuple[int, int]]) -> None:
    spans = [(low, low + more) for low, more in pairs]
    assert ranges.merged(spans) == ranges.of(sorted(set(ranges.expanded(spans))))


@settings(deadline=None, max_examples=300)
@given(uids, uids)
def test_without_is_the_difference(some: set[int], gone: set[int]) -> None:
    assert ranges.without(ranges.of(sorted(some)), ranges.of(sorted(gone))) == ranges.of(sorted(some - gone))


@pytest.mark.parametrize(("text", "spans"), [("", []), ("7", [(7, 7)]), ("1:4,7", [(1, 4), (7, 7)])])
def test_text(text: str, spans: list[ranges.Range]) -> None:
    assert ranges.parsed(text) == spans
    assert ranges.text(spans) == text
