"""A disk without room, and one that cannot be written."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.faults import disks

pytestmark = pytest.mark.crash


def test_nothing_is_lost_on_a_full_disk_and_all_goes_on_when_there_is_room(tmp_path: Path) -> None:
    if reason := disks.reason_against():
        pytest.skip(reason)
    outcome = disks.in_a_namespace(tmp_path, 7, 1, 1.0)
    assert outcome.promised > 0
    assert outcome.refused >= disks.REFUSALS
    assert outcome.read_only == 75
