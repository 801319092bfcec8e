"""The text of a message: its end, its dots, its faults, in any pieces."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from correo.wire.smtp import data as data_module
from correo.wire.smtp.data import PIECE, Chunk, DataReader, EndOfData, Fault


def read(pieces: list[bytes], max_size: int = 1_000_000) -> tuple[bytes, EndOfData | None, bytes]:
    """(text, end, rest)"""
    reader = DataReader(max_size)
    text: list[bytes] = []
    for index, piece in enumerate(pieces):
        reader.feed(piece)
        while isinstance(event := reader.next(), Chunk):
            text.append(event.data)
        if event is not None:
            return b"".join(text), event, reader.rest() + b"".join(pieces[index + 1 :])
    return b"".join(text), None, b""


def model(data: bytes) -> tuple[bytes, Fault, bytes] | None:
    """RFC 5321 §4.5.2, line by line."""
    lines: list[bytes] = []
    while True:
        line, end, data = data.partition(b"\r\n")
        if not end:
            return None
        if line == b".":
            break
        lines.append(line.removeprefix(b".") + b"\r\n")
    text = b"".join(lines)
    faults = Fault.NONE
    bare = text.replace(b"\r\n", b"")
    faults |= Fault.BARE_LF if b"\n" in bare else Fault.NONE
    faults |= Fault.BARE_CR if b"\r" in bare else Fault.NONE
    faults |= Fault.NUL if b"\0" in text else Fault.NONE
    return text, faults, data


OCTETS = st.lists(st.sampled_from([b"\r\n", b"\r\n.", b"\r\n.\r\n", b"\r", b"\n", b".", b"x", b"\0"])).map(
    b"".join
)


@given(OCTETS, st.lists(st.integers(1, 7), min_size=1))
@settings(deadline=None, max_examples=400)
@pytest.mark.parametrize("piece", [5, 6, PIECE])
def test_agrees_with_the_model(piece: int, octets: bytes, sizes: list[int]) -> None:
    octets += b"\r\n.\r\n"
    pieces = []
    rest, index = octets, 0
    while rest:
        size = sizes[index % len(sizes)]
        pieces.append(rest[:size])
        rest, index = rest[size:], index + 1
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(data_module, "PIECE", piece)
        text, end, rest = read(pieces)
    expected = model(octets)
    assert expected is not None
    assert end is not None
    assert (text, rest) == (expected[0], expected[2])
    assert end == EndOfData(len(text), expected[1])


@pytest.mark.parametrize(
    "text",
    [b"x\n.\n", b"x\n.\r\n", b"x\r\n.\n", b"x\r.\r", b"x\r.\r\n", b"x\r\n.\r", b"\n.\r\n", b".\n", b".\r"],
)
def test_no_variant_of_the_dot_ends_a_message(text: bytes) -> None:
    assert read([text])[1] is None
    end = read([text + b"y\r\n.\r\n"])[1]
    assert end is not None
    assert end.faults & (Fault.BARE_LF | Fault.BARE_CR)


def test_what_is_over_the_limit_is_swallowed() -> None:
    reader = DataReader(1000)
    held = 0
    for _ in range(100):
        reader.feed(b"x" * 10_000)
        while isinstance(event := reader.next(), Chunk):
            held += len(event.data)
    assert held <= 1000
    reader.feed(b"\r\n.\r\nQUIT\r\n")
    event = reader.next()
    assert isinstance(event, EndOfData)
    assert event.size == 1_000_002
    assert event.faults == Fault.TOO_BIG
    assert reader.rest() == b"QUIT\r\n"


def test_single_octets_are_gathered() -> None:
    reader = DataReader(1_000_000)
    chunks = 0
    for _ in range(3 * PIECE):
        reader.feed(b"x")
        chunks += isinstance(reader.next(), Chunk)
    assert chunks <= 3
