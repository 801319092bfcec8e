"""The benchmarks still run: each row can be loaded, and the smallest of them measure Correo alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROGRAM = ROOT / "bench" / "run.py"
SMALL = ("smtp", "append", "message_scan")
SECONDS = 120.0  # on a machine that is busy


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(PROGRAM), *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    return subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, env=environment)


@pytest.mark.slow
def test_every_file_is_a_row_that_is_listed() -> None:
    files = {file.stem for file in (ROOT / "bench" / "rows").glob("*.py")}
    code = "import sys; sys.path.insert(0, 'bench'); import run; print(*[run.load(name).name for name in run.ROWS + run.PARTS])"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=SECONDS
    )
    assert done.returncode == 0, done.stderr
    assert set(done.stdout.split()) == files


@pytest.mark.slow
def test_small_rows_measure_and_write_what_they_found(tmp_path: Path) -> None:
    done = run("--quick", "--alone", "--out", str(tmp_path), *SMALL)
    assert done.returncode == 0, done.stderr
    figures = json.loads((tmp_path / "bench.json").read_text())["figures"]
    assert set(figures) == set(SMALL)
    assert all(figure["value"] > 0 for some in figures.values() for figure in some)
    text = (tmp_path / "bench.md").read_text()
    assert all(f"**{name}**" in text for name in SMALL)
    assert "1 connection, 1 message each" in text
    assert (tmp_path / "bench.svg").read_text().startswith("<svg")


@pytest.mark.slow
def test_a_row_that_is_not_there_is_named() -> None:
    done = run("nonsense")
    assert done.returncode == os.EX_USAGE
    assert "nonsense" in done.stderr
