"""A real server under load that is killed, stopped and upgraded; `make faults` does the same for as long as one likes."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.faults import kills

pytestmark = pytest.mark.crash

WAYS = {
    1: ("all killed", "all killed", "stopped"),
    2: ("one killed", "all killed", "replaced"),
}


@pytest.mark.parametrize("workers", [1, 2])
async def test_whatever_ends_it_what_was_promised_is_kept(tmp_path: Path, workers: int) -> None:
    outcome = await kills.run(tmp_path, 7, workers, ways=WAYS[workers])
    assert outcome.ways.total() == len(WAYS[workers])
    assert outcome.promised > 10, "there was no load to speak of"
