"""Where a header ends, taking fields out of it, and lists of addresses."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from correo.mail.message import iterate_fields
from correo.receive.address_lists import is_address_list
from correo.receive.fields import take_header, without


def pieces_of(data: bytes, size: int) -> list[bytes]:
    return [data[start : start + size] for start in range(0, len(data), size)]


@pytest.mark.parametrize(
    ("message", "header"),
    [
        (b"", b""),
        (b"\r\n", b"\r\n"),
        (b"\r\nbody\r\n\r\nmore\r\n", b"\r\n"),
        (b"A: 1\r\n\r\nbody\r\n\r\nmore\r\n", b"A: 1\r\n\r\n"),
        (b"A: 1\r\nB:\r\n 2\r\n", b"A: 1\r\nB:\r\n 2\r\n"),
        (b"no header\r\n\r\nA: 1\r\n", b""),
        (b"From bob Thu Jan  1 00:00:00 2026\r\nA: 1\r\n\r\n", b"From bob Thu Jan  1 00:00:00 2026\r\nA: 1\r\n\r\n"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("size", [20, 64, 10_000])
def test_the_header_is_taken_whole(message: bytes, header: bytes, size: int) -> None:
    chunks = pieces_of(message, size)
    assert take_header(chunks, 1000) == header
    assert header + b"".join(chunks) == message


@pytest.mark.parametrize("size", [64, 999, 10_000])
def test_a_header_over_the_limit_is_not(size: int) -> None:
    header = b"A: " + b"x" * 993 + b"\r\n\r\n"
    assert take_header(pieces_of(header + b"body", size), len(header)) == header
    assert take_header(pieces_of(header + b"body", size), len(header) - 1) is None
    assert take_header(pieces_of(b"A: " + b"x" * 5000, size), 1000) is None
    body = b"no field\r\n" + b"x" * 5000
    assert take_header(pieces_of(body, size), 1000) == b""


def test_fields_are_taken_out_and_all_else_stays() -> None:
    header = b"Bcc: a\r\nA: 1\r\nBCC : b,\r\n\tc\r\nnot a field\r\nB: 2\r\nResent-Bcc: d\r\n\r\n"
    assert without(header, {b"bcc", b"resent-bcc"}) == b"A: 1\r\nnot a field\r\nB: 2\r\n\r\n"
    assert without(header, {b"x"}) == header
    assert without(b"Bcc: last", {b"bcc"}) == b""


@given(
    st.lists(
        st.sampled_from([b"Bcc: x\r\n", b"A: 1\r\n", b" folded\r\n", b"junk\r\n", b":\r\n", b"\r\n"])
    ).map(b"".join)
)
@settings(deadline=None, max_examples=200)
def test_nothing_of_those_names_is_left(header: bytes) -> None:
    left = without(header, {b"bcc"})
    names = [field.name for field in iterate_fields(left)]
    assert b"Bcc" not in names
    assert names == [field.name for field in iterate_fields(header) if field.name != b"Bcc"]


GOOD = [
    "alice@example.org", "<alice@example.org>", " alice@example.org ", "Alice <alice@example.org>", "Alice B. <alice@example.org>",
    '"Alice, B." <alice@example.org>', '"a \\" b" <alice@example.org>', "alice@example.org, bob@example.net",
    "alice@example.org,, bob@example.net,", "alice@[192.0.2.1]", "alice@[IPv6:2001:db8::1]", '"a b"@example.org',
    "alice@example.org (Alice)", "(x (y (z))) Alice (the) <alice@example.org> (one)", "Jürgen <jürgen@bücher.example>",
    "=?utf-8?q?J=C3=BCrgen?= <j@example.org>", "alice(x)@(y)example.org", "a!b%c/d=e@example.org", "Alice<alice@example.org>",
]  # fmt: skip
GROUPS = [
    "undisclosed-recipients:;",
    "A: ;",
    "A: a@example.org, B <b@example.org>; , c@example.org",
    '"x:y": a@b ;',
]
BAD = [
    "", " ", ",", "alice", "Alice", "alice@", "@example.org", "<>", "Alice <>", "<alice>", "<alice@example.org", "alice@example.org>",
    "Alice alice@example.org", "alice@example.org bob@example.net", "alice@example.org; bob@example.net", "a b@example.org",
    "alice@@example.org", "alice@example..org", ".alice@example.org", "alice.@example.org", "alice@.example.org", '"alice@example.org',
    "(alice@example.org", "alice@example.org)", "<alice@example.org> bob", "<<alice@example.org>>", "alice@[192.0.2.1",
    "A: a@example.org", "A: B: a@example.org;;", ":a@example.org;", ";", "alice@example.org;", "alice\0@example.org", "a\\b@example.org",
]  # fmt: skip


@pytest.mark.parametrize("text", GOOD + GROUPS)
def test_lists_of_addresses(text: str) -> None:
    assert is_address_list(text.encode())
    assert is_address_list(text.encode(), groups=False) is (text in GOOD)


@pytest.mark.parametrize("text", BAD)
def test_what_is_no_list_of_addresses(text: str) -> None:
    assert not is_address_list(text.encode())


UNITS = [
    "(",
    ")",
    "(()",
    '"',
    '"\\',
    '"a" ',
    "a ",
    "a.",
    "<",
    "<a@b>",
    "a@b,",
    "a:",
    "x: ;",
    "(x) ",
    "[",
    "@",
    "(" * 3 + "x" + ")" * 3,
]


@pytest.mark.parametrize("unit", UNITS)
def test_long_lists_take_no_time(unit: str) -> None:
    """As much as the largest header: minutes, if the expressions went back and forth."""
    value = (unit * 250_000)[:250_000].encode()
    assert is_address_list(value) in (True, False)


@given(st.lists(st.sampled_from([*UNITS, "a@b", ",", ";", "\\", "ü", "\0"])).map("".join))
@settings(deadline=None, max_examples=200)
def test_whatever_stands_there_is_judged(text: str) -> None:
    assert is_address_list(text.encode()) in (True, False)
    assert is_address_list(b"a@b, " + text.encode() + b"<") is False
