"""How many workers there are by themselves."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from correo.ops.workers.cores import MOST, cores

HERE = min(len(os.sched_getaffinity(0)), MOST)


@pytest.mark.parametrize(
    ("text", "most"),
    [
        ("100000 100000", 1),
        ("50000 100000", 1),
        ("150000 100000", 2),
        ("max 100000", HERE),
        ("", HERE),
        ("1 0", HERE),
    ],
)
def test_a_container_may_have_less_than_the_machine(tmp_path: Path, text: str, most: int) -> None:
    (tmp_path / "cpu.max").write_text(text)
    assert cores(tmp_path / "cpu.max") == min(most, HERE)


def test_no_container(tmp_path: Path) -> None:
    assert cores(tmp_path / "nothing") == HERE
