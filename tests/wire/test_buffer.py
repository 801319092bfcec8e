"""Lines and exact counts out of octets that come in any pieces."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from correo.wire.buffer import LineBuffer, Overlong


def lines_of(buffer: LineBuffer) -> list[bytes | Overlong]:
    lines: list[bytes | Overlong] = []
    while (line := buffer.line()) is not None:
        lines.append(line)
    return lines


def test_both_line_ends_are_taken_off() -> None:
    buffer = LineBuffer(100)
    buffer.feed(b"one\r\ntwo\nthree\rfour\r\n\r\n\nrest")
    assert lines_of(buffer) == [b"one", b"two", b"three\rfour", b"", b""]
    assert len(buffer) == 4
    assert buffer.peek() == b"rest"


def test_a_line_of_the_limit_is_given_and_one_octet_more_is_not() -> None:
    buffer = LineBuffer(10)
    buffer.feed(b"12345678\r\n123456789\r\nnext\r\n")
    assert lines_of(buffer) == [b"12345678", Overlong(11), b"next"]


def test_the_rest_of_an_overlong_line_is_dropped_and_never_held() -> None:
    buffer = LineBuffer(10)
    for _ in range(1000):
        buffer.feed(b"x" * 7)
        assert buffer.line() is None
        assert len(buffer) <= 10
    buffer.feed(b"\r\nnext\r\n")
    assert lines_of(buffer) == [Overlong(7002), b"next"]


def test_counts_and_lines_take_turns() -> None:
    buffer = LineBuffer(100)
    buffer.feed(b"{3}\r\na\nb tail")
    assert buffer.line() == b"{3}"
    assert buffer.take(3) == b"a\nb"
    assert buffer.line() is None
    buffer.feed(b"\r\n")
    assert buffer.line() == b" tail"
    assert buffer.take(5) == b""


def test_clear_forgets_everything() -> None:
    buffer = LineBuffer(5)
    buffer.feed(b"much too long")
    assert buffer.line() is None
    buffer.clear()
    buffer.feed(b"ok\r\n")
    assert buffer.line() == b"ok"


@given(st.lists(st.binary(max_size=8).map(lambda b: b.translate(bytes.maketrans(b"\x00\x01", b"\r\n")))))
@settings(deadline=None, max_examples=200)
def test_pieces_do_not_matter(pieces: list[bytes]) -> None:
    whole, split = LineBuffer(6), LineBuffer(6)
    whole.feed(b"".join(pieces))
    expected = lines_of(whole)
    found: list[bytes | Overlong] = []
    for piece in pieces:
        split.feed(piece)
        found += lines_of(split)
    assert found == expected
