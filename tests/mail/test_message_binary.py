"""Binary parts with NUL in base64, and nothing else touched."""

from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from correo.mail.message import decode_body, scan, without_nul
from correo.mail.message.binary import as_lines
from correo.mail.message.sections import find_part

BINARY = b"Content-Transfer-Encoding: Binary\r\n"
INSIDE = (
    b"Content-Type: multipart/mixed; boundary=X\r\n" + BINARY + b"\r\npreamble\r\n--X\r\n\r\ntext\r\n"
    b"--X\r\nContent-Type: a/b\r\n" + BINARY + b"\r\n%b\r\n--X--\r\nepilogue\r\n"
)


def test_a_message_of_one_part() -> None:
    changed = without_nul(b"A: binary\r\n" + BINARY + b"\r\n" + bytes(100))
    assert changed
    assert changed.startswith(b"A: binary\r\nContent-Transfer-Encoding: base64\r\n\r\nAAAA")
    assert max(map(len, changed.splitlines())) == 76
    assert decode_body(changed, scan(changed)) == bytes(100)


@pytest.mark.parametrize("value", ["(binary) binary", "binary (binary)", "\r\n\t(a\r\n b) BINARY "])
def test_comments_about_the_encoding(value: str) -> None:
    changed = as_lines(f"Content-Transfer-Encoding:{value}\r\nA: binary\r\n\r\n".encode() + bytes(9))
    assert changed
    assert scan(changed).encoding == "base64"
    assert decode_body(changed, scan(changed)) == bytes(9)
    assert b"\r\nA: binary\r\n" in changed


def test_text_with_very_many_lines_takes_little_memory() -> None:
    text = BINARY + b"\r\n" + b"ab\r\n" * 200_000
    tracemalloc.start()
    try:
        changed = as_lines(text)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert changed
    assert changed.endswith(text[-100:])
    assert peak < 6 * len(text)


@pytest.mark.parametrize("size", [1, 997, 998, 999, 1000, 1001, 2500])
@pytest.mark.parametrize("end", [b"", b"\r\n", b"\r\nx"])
@pytest.mark.parametrize("before", [b"", b"y\r\n", b"y" * 998 + b"\r\n"])
def test_binary_text_stays_text_where_its_lines_are_short_enough(
    size: int, end: bytes, before: bytes
) -> None:
    changed = as_lines(BINARY + b"\r\n" + before + b"x" * size + end)
    assert changed
    assert (b"8bit" in changed) == (size <= 998)


def test_a_part_among_others() -> None:
    octets = b"\x00\xff\r\n" * 30
    changed = without_nul(INSIDE % octets)
    assert changed
    part = find_part(scan(changed), (2,))
    assert part
    assert part.encoding == "base64"
    assert decode_body(changed, part) == octets
    assert scan(changed).encoding == "8bit"
    assert changed.endswith(b"\r\n--X--\r\nepilogue\r\n")


def test_without_nul_nothing_changes() -> None:
    assert without_nul(INSIDE % b"abc") == INSIDE % b"abc"


@pytest.mark.parametrize(
    "data",
    [
        b"A: \0\r\n\r\n",
        b"A: b\r\n\r\n\0",
        BINARY.replace(b"Binary", b"8bit") + b"\r\n\0",
        (INSIDE % b"\0").replace(b"preamble", b"\0"),
    ],
)
def test_nul_where_it_must_not_be_encoded(data: bytes) -> None:
    assert without_nul(data) is None


@given(
    st.lists(st.sampled_from([b"a", b"\r\n", b"\n", b"\r", b"\0", b"\xff", b"--Y", b"."]), max_size=12).map(
        b"".join
    )
)
def test_as_lines_whatever_is_inside(octets: bytes) -> None:
    """RFC 3030 §3: each part decodes to what it was, and all of it is lines."""
    changed = as_lines(INSIDE % octets)
    assert changed is not None
    assert b"\0" not in changed
    assert changed.count(b"\n") == changed.count(b"\r") == changed.count(b"\r\n")
    assert b"binary" not in changed.lower()
    part = find_part(scan(changed), (2,))
    assert part
    assert decode_body(changed, part) == octets


def test_a_line_too_long_is_no_text() -> None:
    changed = as_lines(INSIDE % (b"x" * 999))
    assert changed
    assert max(map(len, changed.split(b"\r\n"))) < 100


def test_what_cannot_be_encoded() -> None:
    assert as_lines(b"A: b\r\n\r\nx\ny\r\n") is None
    assert as_lines(b"A: \0\r\n\r\n") is None
    assert as_lines(BINARY + b"A: x\ny\r\n\r\n") is None
    assert as_lines(b"A: b\r\n\r\nx\r\n") == b"A: b\r\n\r\nx\r\n"
