"""Filters in searches: what they stand for, and that no filter can make a search endless (RFC 5466 §3.1)."""

from __future__ import annotations

import pytest

from correo.access.imap.filters import MAX_PASSES, VALUES, Resolution, storable
from correo.wire.imap.grammar import MAX_DEPTH, Arguments, SyntaxFault
from correo.wire.imap.search import MAX_KEYS, And, Filter, Flag, Fuzzy, Key, Not, Or, Smaller, search_keys

PRIVATE, SHARED = VALUES


def resolved(wire: str, **filters: str) -> Key:
    held = {PRIVATE + name: value.encode() for name, value in filters.items()}
    return Resolution(held, read).of(read(wire.encode()))


def read(value: bytes) -> Key:
    return search_keys(Arguments(value, utf8=True))


def code(wire: str, **filters: str) -> str:
    with pytest.raises(SyntaxFault) as fault:
        resolved(wire, **filters)
    assert fault.value.status == "NO"
    return fault.value.code


def test_a_filter_is_replaced_wherever_it_stands() -> None:
    both = And((Flag("\\Seen"), Smaller(5)))
    assert resolved("FILTER a", a="SEEN SMALLER 5") == both
    wanted = And((Not(both), Or((Fuzzy(both), Flag("\\Draft")))))
    assert resolved("NOT FILTER A OR FUZZY FILTER a DRAFT", a="SEEN SMALLER 5") == wanted


def test_the_private_one_comes_first() -> None:
    held = {PRIVATE + "a": b"SEEN", SHARED + "a": b"DRAFT", SHARED + "b": b"DRAFT"}
    assert Resolution(held, read).of(Filter("a")) == Flag("\\Seen")
    assert Resolution(held, read).of(Filter("b")) == Flag("\\Draft")


def test_what_is_not_there_is_named() -> None:
    assert code("FILTER Some.Name") == "UNDEFINED-FILTER Some.Name"
    assert code("FILTER a", a="FILTER b") == "UNDEFINED-FILTER b"
    assert code("FILTER a", a="OR SMALLER 5") == "UNDEFINED-FILTER a"
    assert code("FILTER a", a="FILTER A") == "UNDEFINED-FILTER A"


def test_so_many_may_stand_in_each_other_and_no_more() -> None:
    chain = {f"f{number}": f"FILTER f{number + 1}" for number in range(MAX_PASSES)}
    chain[f"f{MAX_PASSES}"] = "SEEN"
    assert resolved("FILTER f1", **chain) == Flag("\\Seen")
    assert code("FILTER f0", **chain) == f"UNDEFINED-FILTER f{MAX_PASSES}"


def test_neither_doubling_nor_nesting_makes_a_search_too_large() -> None:
    doubling = {f"f{n}": f"FILTER f{n + 1} FILTER f{n + 1} FILTER f{n + 1}" for n in range(MAX_PASSES - 1)}
    doubling[f"f{MAX_PASSES - 1}"] = "SEEN"
    assert code("FILTER f0", **doubling) == "LIMIT"
    deep = "NOT " * (MAX_DEPTH - 2) + "FILTER f1"
    assert code("FILTER f0", f0=deep, f1=deep, f2="SEEN") == "LIMIT"
    many = " ".join(["SEEN"] * (MAX_KEYS - 1))
    assert code("FILTER a FILTER a", a=many) == "LIMIT"


@pytest.mark.parametrize(
    "value", [b"", b" ALL", b"ALL ", b"OR ALL", b"(ALL", b'SUBJECT "\xff"', b"X\r\nY", b"\0"]
)
def test_what_cannot_be_stored(value: bytes) -> None:
    assert not storable(PRIVATE + "a", value)
    assert storable("/private/filters/descriptions/a", value)


def test_what_can_be_stored() -> None:
    assert storable(PRIVATE + "on-the-road", 'OR SMALLER 5000 SUBJECT "grün"'.encode())
    assert storable(PRIVATE + "a/b", None)
    assert not storable(PRIVATE + "a/b", b"ALL")
    assert not storable(PRIVATE + "a]", b"ALL")
    assert not storable(PRIVATE, b"ALL")
