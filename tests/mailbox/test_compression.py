"""What is kept is never longer than what it is made of, and says by its length how to read it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from correo.mail.errors import Kind, Refused
from correo.mailbox.compression import WORTHWHILE, packed, unpacked

TEXT = b"the same words, again and again and again; " * 50
MAGIC = b"\x28\xb5\x2f\xfd"


@settings(deadline=None, max_examples=60)
@given(st.binary(max_size=300), st.integers(1, 5))
def test_there_and_back(octets: bytes, times: int) -> None:
    octets *= times
    kept = packed(octets)
    assert len(kept) <= len(octets)
    assert unpacked(kept, len(octets)) == octets


def test_text_shrinks_and_noise_stays() -> None:
    assert len(packed(TEXT)) < len(TEXT) // 10
    noise = bytes((number * 167 + number**2 * 59) % 251 for number in range(WORTHWHILE - 1))
    assert packed(noise) == noise
    assert packed(memoryview(TEXT)[100:]) == packed(TEXT[100:])


@pytest.mark.parametrize("size", [len(TEXT) - 1, len(TEXT) + 1, 10**12])
def test_a_length_that_is_not_right_is_damage(size: int) -> None:
    with pytest.raises(Refused) as caught:
        unpacked(packed(TEXT), size)
    assert caught.value.kind is Kind.BROKEN


@settings(deadline=None, max_examples=100)
@given(st.integers(0, len(packed(TEXT)) - 1), st.integers(1, 255))
def test_damage_is_noticed_or_keeps_the_length(at: int, mask: int) -> None:
    kept = bytearray(packed(TEXT))
    kept[at] ^= mask
    try:
        found = len(unpacked(bytes(kept), len(TEXT)))
    except Refused as refused:
        found = -1 if refused.kind is Kind.BROKEN else 0
    assert found in (len(TEXT), -1)


def test_a_frame_may_not_say_that_it_holds_more() -> None:
    """What it says is believed by the library: as much memory would be taken."""
    with pytest.raises(Refused) as caught:
        unpacked(MAGIC + b"\xe0" + (2**38).to_bytes(8, "little") + b"\1\0\0", len(TEXT))
    assert caught.value.kind is Kind.BROKEN


def test_frames_that_are_kept_since_long_are_read() -> None:
    """Python's own binding to zstd made this one."""
    rest = "6066072d0100d87468652073616d6520776f7264732c20616761696e20616e643b2002003870cac7152963"
    assert unpacked(MAGIC + bytes.fromhex(rest), len(TEXT)) == TEXT


def test_threads_do_not_disturb_each_other() -> None:
    texts = [bytes([number]) * 9_999 + TEXT for number in range(64)]
    with ThreadPoolExecutor(8) as threads:
        kept = list(threads.map(packed, texts))
        assert list(threads.map(unpacked, kept, map(len, texts))) == texts
