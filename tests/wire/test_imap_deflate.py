"""Deflate for COMPRESS: what is packed can be read at once, what comes is unpacked bit by bit."""

from __future__ import annotations

import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from correo.wire.imap.deflate import WINDOW_BITS, Damaged, Packer, Unpacker


@given(st.lists(st.binary(max_size=300), max_size=8), st.integers(1, 64))
@settings(max_examples=60, deadline=None)
def test_what_is_packed_is_unpacked(pieces: list[bytes], most: int) -> None:
    packer, unpacker = Packer(), Unpacker()
    for piece in pieces:
        unpacker.feed(packer.pack(piece))
        got = b""
        while octets := unpacker.take(most):
            assert len(octets) <= most
            got += octets
        assert got == piece  # all of it, at once: every answer ends in a flush


def test_nothing_is_sent_for_nothing() -> None:
    assert Packer().pack(b"") == b""


def test_a_bomb_is_unpacked_only_as_far_as_asked() -> None:
    bomb = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = bomb.compress(bytes(50_000_000)) + bomb.flush(zlib.Z_SYNC_FLUSH)
    unpacker = Unpacker()
    unpacker.feed(packed)
    assert len(unpacker.take(1000)) == 1000
    assert unpacker.waiting > len(packed) - 1000


@pytest.mark.parametrize("octets", [b"a NOOP\r\n", b"\xff" * 10, zlib.compress(b"a NOOP\r\n")])
def test_what_is_no_deflate_is_damaged(octets: bytes) -> None:
    unpacker = Unpacker()
    unpacker.feed(octets)
    with pytest.raises(Damaged):
        while unpacker.take(1000):
            pass


def test_the_end_of_the_stream_is_no_way_out() -> None:
    packer = zlib.compressobj(9, zlib.DEFLATED, -WINDOW_BITS)
    unpacker = Unpacker()
    unpacker.feed(packer.compress(b"a NOOP\r\n") + packer.flush(zlib.Z_FINISH) + b"b NOOP\r\n")
    assert unpacker.take(1000) == b"a NOOP\r\n"
    with pytest.raises(Damaged):
        unpacker.take(1000)
