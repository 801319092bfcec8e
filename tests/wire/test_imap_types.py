"""Sequence sets against Python's sets, and the examples of RFC 3501 §9."""

from __future__ import annotations

import time
from bisect import bisect_left

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from correo.wire.imap.grammar import Arguments, SyntaxFault
from correo.wire.imap.types import MAX_NUMBER, SequenceSet


def parse(text: str) -> SequenceSet:
    args = Arguments(text.encode())
    found = args.sequence_set()
    args.end()
    return found


def members(text: str, largest: int) -> set[int]:
    """The model: RFC 3501 §9 spelled out number by number."""
    found: set[int] = set()
    for part in text.split(","):
        ends = [largest if end == "*" else int(end) for end in part.split(":")]
        if largest or "*" not in part:
            found |= set(range(min(ends), max(ends) + 1))
    return found


def expand(ranges: tuple[tuple[int, int], ...]) -> list[int]:
    return [number for low, high in ranges for number in range(low, high + 1)]


ENDS = st.one_of(st.integers(1, 60).map(str), st.just("*"))
PARTS = st.one_of(ENDS, st.tuples(ENDS, ENDS).map(":".join))
SETS = st.lists(PARTS, min_size=1, max_size=8).map(",".join)


@pytest.mark.parametrize(
    ("text", "largest", "wanted"),
    [
        ("2,4:7,9,12:*", 15, [2, 4, 5, 6, 7, 9, 12, 13, 14, 15]),
        ("*:4,5:7", 10, [4, 5, 6, 7, 8, 9, 10]),
        ("4:2", 9, [2, 3, 4]),
        ("3291:*", 7, list(range(7, 3292))),
        ("*", 7, [7]),
        ("*:*", 7, [7]),
        ("*,*:2", 3, [2, 3]),
        ("1:*", 0, []),
        ("*", 0, []),
    ],
)
def test_examples(text: str, largest: int, wanted: list[int]) -> None:
    assert expand(parse(text).resolve(largest)) == wanted


@pytest.mark.parametrize(
    ("text", "wire"),
    [
        ("1", "1"),
        ("3:1", "1:3"),
        ("1,2,3,5", "1:3,5"),
        ("5:9,1:6", "1:9"),
        ("*", "*"),
        ("*:*", "*"),
        ("*:3", "3:*"),
        ("3:*,9:*,*", "3:*,9:*"),
        ("1:4294967295", "1:4294967295"),
    ],
)
def test_wire_form(text: str, wire: str) -> None:
    assert str(parse(text)) == wire
    assert parse(wire) == parse(text)


@settings(deadline=None, max_examples=300)
@given(SETS, st.sets(st.integers(1, 60)))
def test_model(text: str, uids: set[int]) -> None:
    found = parse(text)
    mailbox = sorted(uids)
    largest = mailbox[-1] if mailbox else 0
    model = members(text, largest)
    assert set(expand(found.resolve(largest))) == model
    assert found.select(mailbox) == sorted(model & uids)
    assert [mailbox[index] for span in found.spans(mailbox) for index in span] == found.select(mailbox)
    assert all(found.contains(number, largest) == (number in model) for number in range(1, 70))
    assert parse(str(found)) == found


@settings(deadline=None, max_examples=200)
@given(SETS, st.integers(0, 60))
def test_model_of_sequence_numbers(text: str, count: int) -> None:
    uids = [7 * number for number in range(1, count + 1)]
    model = members(text, count)
    found = parse(text)
    assert found.pick(uids) == [7 * number for number in sorted(model) if number <= count]
    assert found.exceeds(count) == (any(number > count for number in model) or ("*" in text and not count))


@settings(deadline=None, max_examples=200)
@given(st.lists(st.integers(1, 80)))
def test_from_numbers(numbers: list[int]) -> None:
    found = SequenceSet.from_numbers(numbers)
    assert expand(found.ranges) == sorted(set(numbers))
    assert bool(found) == bool(numbers)
    assert all(low <= high for low, high in found.ranges)
    assert all(
        before[1] + 1 < after[0] for before, after in zip(found.ranges, found.ranges[1:], strict=False)
    )
    if numbers:
        assert parse(str(found)) == found


def test_the_empty_set() -> None:
    nothing = SequenceSet()
    assert not nothing
    assert str(nothing) == ""
    assert nothing.select([1, 2]) == []
    assert not nothing.contains(1, 5)
    assert not nothing.exceeds(0)


def test_a_wide_set_costs_nothing() -> None:
    uids = list(range(1, 200_000, 3))
    everything = parse("1:4294967295,7:9,4000000000:*")
    started = time.process_time()
    for _ in range(100):
        assert len(everything.spans(uids)) == 1
    assert time.process_time() - started < 0.5
    assert everything.select(uids) == uids
    assert everything.contains(MAX_NUMBER, uids[-1])


def test_many_small_ranges() -> None:
    uids = list(range(1, 60_000))
    odd = SequenceSet.from_numbers(range(1, 40_000, 2))
    started = time.process_time()
    assert odd.select(uids) == list(range(1, 40_000, 2))
    assert time.process_time() - started < 2
    assert bisect_left(odd.ranges, (39_999, 0)) == len(odd.ranges) - 1


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0",
        "1,",
        ",1",
        "1,,2",
        "1:",
        ":1",
        "1:2:3",
        "01",
        "4294967296",
        "1:4294967296",
        "**",
        "a",
        "$",
        "1;2",
        "-1",
    ],
)
def test_malformed(text: str) -> None:
    with pytest.raises(SyntaxFault):
        parse(text)
