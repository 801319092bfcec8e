"""Batches of messages by their UIDs (RFC 10022)."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from correo.access.imap.batches import MAX_ASKED, Asked, Request, batches, may_ask


def test_the_examples_of_the_standard() -> None:
    uids = range(1, 7_001)
    assert batches(uids, Request(2_000)) == [(7_000, 5_001), (5_000, 3_001), (3_000, 1_001), (1_000, 1)]
    assert batches(uids, Request(2_000, 1, 5)) == batches(uids, Request(2_000))
    assert batches(uids, Request(2_000, 6, 8)) == []
    assert batches(uids, Request(7_000)) == batches(uids, Request(9_000)) == [(7_000, 1)]
    many = range(1, 100_001)
    found = batches(many, Request(2_000, 10, 20))
    assert (len(found), found[0], found[-1]) == (11, (82_000, 80_001), (62_000, 60_001))
    assert batches([], Request(500)) == []


def test_there_are_no_gaps_and_the_last_ends_with_one() -> None:
    assert batches([302, 400, 7_829, 20_350, 99_999], Request(2)) == [
        (99_999, 20_350),
        (20_349, 400),
        (399, 1),
    ]
    assert batches([9], Request(2)) == [(9, 1)]


@settings(deadline=None, max_examples=100)
@given(st.sets(st.integers(1, 500)), st.integers(1, 60), st.integers(1, 12), st.integers(0, 12))
def test_every_message_is_in_one_batch_and_none_has_too_many(
    members: set[int], size: int, first: int, more: int
) -> None:
    uids = sorted(members)
    found = batches(uids, Request(size))
    counts = [sum(low <= uid <= high for uid in uids) for high, low in found]
    assert sum(counts) == len(uids)
    assert all(count == size for count in counts[:-1])
    assert all(0 < count <= size for count in counts[-1:])
    assert all(before[1] == after[0] + 1 for before, after in pairwise(found))
    assert batches(uids, Request(size, first, first + more)) == found[first - 1 : first + more]


def test_the_same_is_not_answered_again_until_half_a_batch_has_changed() -> None:
    asked: Asked = {}
    uids = list(range(1, 101))
    assert may_ask(asked, uids, Request(10))
    assert not may_ask(asked, uids, Request(10))
    assert may_ask(asked, uids, Request(10, 1, 2))
    assert may_ask(asked, uids, Request(20))
    assert not may_ask(asked, [*uids, *range(101, 106)], Request(10))
    assert may_ask(asked, [*uids, *range(101, 107)], Request(10))
    assert not may_ask(asked, uids[5:] + list(range(101, 107)), Request(10))
    assert may_ask(asked, uids[6:] + list(range(101, 107)), Request(10))
    for size in range(1_000, 1_000 + MAX_ASKED):
        may_ask(asked, uids, Request(size))
    assert len(asked) == MAX_ASKED
    assert not may_ask(asked, uids, Request(9_999))
