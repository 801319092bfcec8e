"""The QRESYNC parameter of SELECT (RFC 7162 §3.2.5), and modifiers (RFC 4466)."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from correo.wire.imap.grammar import Arguments, SyntaxFault
from correo.wire.imap.modifiers import mod_sequence, modifiers
from correo.wire.imap.resync import Resync, resync
from correo.wire.imap.types import SequenceSet


def read(text: bytes) -> Resync:
    args = Arguments(text)
    found = resync(args)
    args.end()
    return found


def members(*ranges: tuple[int, int]) -> SequenceSet:
    return SequenceSet.of(ranges)


def test_all_forms() -> None:
    assert read(b" (67 900)") == Resync(67, 900)
    assert read(b" (67 900 41:43,211)") == Resync(67, 900, members((41, 43), (211, 211)))
    sample = members((2, 2), (4, 5)), members((7, 7), (9, 10))
    assert read(b" (67 900 1:9 (2,4:5 7,9:10))") == Resync(67, 900, members((1, 9)), *sample)
    assert read(b" (67 900 (2,4:5 7,9:10))") == Resync(67, 900, None, *sample)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b" 67 900",
        b" (67)",
        b" (0 900)",
        b" (4294967296 900)",
        b" (67 9223372036854775808)",
        b" (67 900 )",
        b" (67 900 *)",
        b" (67 900 1:*)",
        b" (67 900 1:2 3)",
        b" (67 900 (1:2))",
        b" (67 900 (1:2 *))",
        b" (67 900 (1:2 3:4)",
        b" (67 900 (1:2 3:4) 1)",
        b" (67 900 1:2 ())",
    ],
)
def test_what_is_no_such_parameter(text: bytes) -> None:
    with pytest.raises(SyntaxFault):
        read(text)


def test_the_example_of_the_rfc() -> None:
    """RFC 7162 §3.2.5.2: number 4 has UID 8 still, number 12 has not UID 24 any more."""
    uids = [2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 25]
    assert Resync(1, 1, None, members((4, 4), (12, 12)), members((8, 8), (24, 24))).settled(uids) == 8


def test_without_messages_or_sample_nothing_is_settled() -> None:
    assert Resync(1, 1).settled([1, 2]) == 0
    assert Resync(1, 1, None, members((1, 4294967295)), members((1, 4294967295))).settled([]) == 0


def test_a_sample_of_everything_costs_a_search() -> None:
    everything = members((1, 4294967295))
    assert Resync(1, 1, None, everything, everything).settled(range(1, 1_000_001)) == 1_000_000


_numbers = st.sets(st.integers(1, 30), max_size=20)


@settings(deadline=None, max_examples=300)
@given(present=_numbers, numbers=_numbers, uids=_numbers)
def test_settled_is_what_going_through_the_pairs_finds(
    present: set[int], numbers: set[int], uids: set[int]
) -> None:
    truth = sorted(present)
    pairs = zip(sorted(numbers), sorted(uids), strict=False)
    wanted = max(
        (uid for number, uid in pairs if number <= len(truth) and truth[number - 1] == uid), default=0
    )
    known = Resync(1, 1, None, SequenceSet.from_numbers(numbers), SequenceSet.from_numbers(uids))
    assert known.settled(truth) == wanted


def test_modifiers_come_once_each_and_are_known() -> None:
    rows = {"A": mod_sequence, "B": lambda args: None}
    assert modifiers(Arguments(b"(a 5 B)"), rows) == {"A": 5, "B": None}
    for text in (b"()", b"(A 5 A 6)", b"(C)", b"(A)", b"(A 5", b"A 5", b"(A  5)", b"(A 5 )"):
        with pytest.raises(SyntaxFault):
            modifiers(Arguments(text), rows)


def test_a_sample_of_message_numbers_is_refused_once_uidonly_is_enabled() -> None:
    """RFC 9586 §3."""
    assert resync(Arguments(b" (67 900 1:9)", uid_only=True)) == Resync(67, 900, members((1, 9)))
    with pytest.raises(SyntaxFault) as fault:
        resync(Arguments(b" (67 900 1:9 (1 1))", uid_only=True))
    assert fault.value.code == "UIDREQUIRED"
