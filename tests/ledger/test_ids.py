"""Ids in base 32, as they are read over the telephone."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from correo.ledger import read_id, show_id


@settings(deadline=None, max_examples=200)
@given(st.integers(0, 2**63 - 1))
def test_there_and_back(id: int) -> None:
    shown = show_id(id)
    assert len(shown) <= 13
    assert not set(shown) & set("ilou")
    assert read_id(shown) == read_id(shown.upper()) == read_id("-".join(shown)) == id


@pytest.mark.parametrize(
    ("shown", "id"),
    [("0", 0), ("z", 31), ("10", 32), ("7zzzzzzzzzzzz", 2**63 - 1), (" oIl ", 33), ("000z", 31)],
)
def test_known(shown: str, id: int) -> None:
    assert read_id(shown) == id


@pytest.mark.parametrize(
    "text", ["", "-", "u", "8000000000000", "zzzzzzzzzzzzz", "0" * 14, "a b", "\u0661", "a@b"]
)
def test_no_id(text: str) -> None:
    with pytest.raises(ValueError, match="id"):
        read_id(text)
