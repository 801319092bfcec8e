"""A real server under load that is killed, stopped and upgraded; `make faults` does the same for as long as one likes."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.faults import kills
from tests.faults.server import entry_of

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


def test_a_line_that_was_cut_off_by_a_kill_is_no_fault() -> None:
    """Seed 7 of five minutes met one."""
    whole = '{"time":"2026-11-24T06:41:09.642230Z","level":"info","event":"listening"}'
    cut = '{"time":"2026-11-24T06:41:09.059669Z","level":"info","event":"delivered","message":"6apy51xp'
    assert entry_of(cut + whole)["event"] == "listening"
    assert entry_of(whole.replace("info", "error"))["level"] == "error"
    for strange in (cut, "Traceback (most recent call last):", "words " + whole):
        assert entry_of(strange) == {"event": strange}
