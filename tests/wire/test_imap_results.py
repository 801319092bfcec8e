"""RETURN (...), windows, sets that keep their order, and ESEARCH."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from correo.mail.threads import Thread, Threaded
from correo.wire.imap.grammar import Arguments, SyntaxFault
from correo.wire.imap.results import Results, Window, esearch, in_order, read_results
from correo.wire.imap.sort import Criterion, sort_criteria
from correo.wire.imap.threads import algorithm, thread_response
from correo.wire.imap.types import SequenceSet


@pytest.mark.parametrize(
    ("wire", "wanted"),
    [
        (b"ALL", None),
        (b"RETURN () x", Results(frozenset({"ALL"}))),
        (b"return (min Count) x", Results(frozenset({"MIN", "COUNT"}))),
        (b"RETURN (SAVE PARTIAL -1:-5) x", Results(frozenset({"SAVE", "PARTIAL"}), Window(-1, -5))),
    ],
)
def test_results(wire: bytes, wanted: Results | None) -> None:
    assert read_results(Arguments(wire)) == wanted


@pytest.mark.parametrize(
    "wire",
    [
        b"RETURN", b"RETURN ()", b"RETURN (X) ", b"RETURN (MIN  MAX) ", b"RETURN (PARTIAL) ", b"RETURN (PARTIAL 1) ",
        b"RETURN (PARTIAL 1:-1) ", b"RETURN (PARTIAL 0:1) ", b"RETURN (PARTIAL 1:2 ALL) ", b"RETURN (PARTIAL 1:4294967296) ",
    ],
)  # fmt: skip
def test_no_results(wire: bytes) -> None:
    with pytest.raises(SyntaxFault):
        read_results(Arguments(wire))


@settings(deadline=None, max_examples=200)
@given(st.integers(1, 12), st.integers(1, 12), st.booleans(), st.integers(0, 10))
def test_windows(one: int, other: int, backwards: bool, count: int) -> None:
    """RFC 9394 §3.1, said the long way."""
    results = list(range(100, 100 + count))
    window = Window(-one, -other) if backwards else Window(one, other)
    low, high = sorted((one, other))
    inside = [n for at, n in enumerate(reversed(results) if backwards else results, 1) if low <= at <= high]
    assert window.cut(results) == sorted(inside)


@settings(deadline=None, max_examples=200)
@given(st.lists(st.integers(1, 20), unique=True))
def test_sets_keep_the_order(numbers: list[int]) -> None:
    text = in_order(numbers)
    spelled = [part.split(":") for part in text.split(",") if part]
    assert [n for part in spelled for n in range(int(part[0]), int(part[-1]) + 1)] == numbers
    if sorted(numbers) == numbers:
        assert text == str(SequenceSet.from_numbers(numbers))


def test_esearch() -> None:
    assert esearch("a1", True, [("MIN", 1), ("ALL", "1:2")]) == b'* ESEARCH (TAG "a1") UID MIN 1 ALL 1:2\r\n'
    assert esearch("a1", False, []) == b'* ESEARCH (TAG "a1")\r\n'


def test_sort_criteria() -> None:
    wire = b"(subject REVERSE DATE subject)"
    assert sort_criteria(Arguments(wire)) == (Criterion("SUBJECT"), Criterion("DATE", reverse=True))


@pytest.mark.parametrize(
    "wire",
    [b"()", b"SUBJECT", b"(REVERSE)", b"(X)", b"(REVERSE REVERSE DATE)", b"(DATE" + b" DATE" * 30 + b")"],
)
def test_no_sort_criteria(wire: bytes) -> None:
    with pytest.raises(SyntaxFault):
        sort_criteria(Arguments(wire))


def test_algorithms() -> None:
    assert algorithm(Arguments(b"orderedSubject")) == "ORDEREDSUBJECT"
    with pytest.raises(SyntaxFault):
        algorithm(Arguments(b"NONE"))


def _thread(number: int, *children: Thread) -> Thread:
    return Thread(Threaded(number, number) if number else None, list(children))


def test_thread_responses() -> None:
    """The examples of RFC 5256 §4."""
    forest = [
        _thread(2),
        _thread(3, _thread(6, _thread(4, _thread(23)), _thread(44, _thread(7, _thread(96))))),
    ]
    assert thread_response(forest, lambda n: n) == b"* THREAD (2)(3 6 (4 23)(44 7 96))\r\n"
    assert thread_response([_thread(0, _thread(3), _thread(5))], lambda n: n + 1) == b"* THREAD ((4)(6))\r\n"
    assert thread_response([], lambda n: n) == b"* THREAD\r\n"


def test_deep_threads() -> None:
    deep = _thread(1)
    for number in range(2, 20_000):
        deep = _thread(number, deep, _thread(number + 50_000))
    assert thread_response([deep], lambda n: n).count(b"(") == 2 * 19_998 + 1
