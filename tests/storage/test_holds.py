"""What one process at a time may have."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from correo.storage.holds import DOUBT, Holds

HOLDER = """
import sys
from pathlib import Path
from correo.storage.holds import Holds
holds = Holds(Path(sys.argv[1]))
print(*[holds.take(int(number)) for number in sys.argv[2:]], flush=True)
sys.stdin.read()
"""
LARGE = (1 << 62) - 1


def other(path: Path, *numbers: int) -> tuple[subprocess.Popen[str], list[str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path), *map(str, numbers)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    return process, process.stdout.readline().split()


def test_one_at_a_time_and_the_dead_hold_nothing(tmp_path: Path) -> None:
    path = tmp_path / "holds"
    holds = Holds(path)
    assert holds.take(LARGE)
    assert not holds.take(LARGE)
    process, took = other(path, 0, 5, LARGE)
    assert took == ["True", "True", "False"]
    assert not holds.take(5)
    assert holds.take(6)
    process.kill()
    process.communicate()
    assert holds.take(5)
    assert holds.take(0)
    holds.give(LARGE)
    holds.give(7)  # was not ours
    process, took = other(path, LARGE, 5)
    assert took == ["True", "False"]
    process.communicate()
    holds.close()
    holds.close()
    process, took = other(path, 5, 6)
    assert took == ["True", "True"]
    process.communicate()
    assert path.stat().st_size == 0
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_file_that_is_removed_is_in_doubt_until_all_hold_theirs_in_the_next(tmp_path: Path) -> None:
    path = tmp_path / "holds"
    path.touch()
    living = Holds(path)
    assert living.take(5)
    assert not living.in_doubt()
    assert not living.follow()
    path.unlink()
    assert living.follow()
    assert living.in_doubt()
    process, took = other(path, 5, DOUBT, 6)
    assert took == ["False", "False", "True"]
    process.communicate()
    living.settle()
    assert not living.in_doubt()
    process, took = other(path, 5, DOUBT)
    assert took == ["False", "True"]
    process.communicate()
    living.close()


def test_who_did_not_make_the_file_learns_that_it_is_in_doubt(tmp_path: Path) -> None:
    path = tmp_path / "holds"
    process, _ = other(path)
    holds = Holds(path)
    assert holds.in_doubt()
    holds.settle()
    assert holds.in_doubt()
    process.kill()
    process.communicate()
    assert not holds.in_doubt()
    holds.close()
