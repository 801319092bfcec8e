"""One command, one file, one row: every file in a folder of commands is a row of its table, exactly once."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src" / "correo"
TABLES = {
    "receive/commands": "COMMANDS",
    "receive/checks": "CHECKS",
    "access/pop3/commands": "COMMANDS",
    "access/imap/commands": "COMMANDS",
}
NOT_ROWS = {"__init__", "row"}


@pytest.mark.parametrize("folder", TABLES)
def test_files_and_rows_are_the_same(folder: str) -> None:
    package = "correo." + folder.replace("/", ".")
    table = list(getattr(importlib.import_module(package), TABLES[folder]))
    files = {path.stem for path in (SOURCE / folder).glob("*.py")} - NOT_ROWS
    rows: list[object] = []
    for name in sorted(files):
        module = importlib.import_module(f"{package}.{name}")
        own = [value for key, value in vars(module).items() if key == "ROW" or key == "ROWS"]
        assert own, f"{folder}/{name}.py has no ROW"
        for value in own:
            rows.extend(value if isinstance(value, tuple) and not hasattr(value, "_fields") else [value])
    assert len(rows) == len(table)
    assert all(row in table for row in rows)
