"""What is kept is never longer than what it is made of, and says by its length how to read it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from correo.mail.errors import Kind, Refused
from correo.mailbox.compression import WORTHWHILE, packed, unpacked

TEXT = b"the same words, again and again and again; " * 50


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
