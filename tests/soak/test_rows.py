"""Each row of load and endurance, small: that it runs, and that its bounds hold where they do not need hours to be passed."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.soak.rows import ROWS
from tests.soak.table import Row, markdown

pytestmark = pytest.mark.slow
SMALL = {name: entry.small for name, entry in ROWS.items() if entry.small}


@pytest.mark.parametrize("name", SMALL)
def test_row(name: str, tmp_path: Path) -> None:
    row = SMALL[name](tmp_path / "server")
    assert not row.broken, markdown([row])


def test_what_passes_its_bound_is_broken() -> None:
    row = Row("a row")
    row.add("grows", 3.0, "MiB", most=2.0)
    row.exactly("left", 0, 0)
    assert row.broken == ["grows: 3 MiB (must be <= 2)"]
    assert "**broken**" in markdown([row])
