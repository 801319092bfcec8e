"""The table of RFCs says what each is, how far Correo goes, and where to look."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType


def load() -> ModuleType:
    """The script beside this file, which is run by hand and is in no package."""
    spec = importlib.util.spec_from_file_location("rfcs", Path(__file__).with_name("rfcs.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["rfcs"] = module
    spec.loader.exec_module(module)
    return module


rfcs = load()
REFRESH = "run .venv/bin/python tests/architecture/rfcs.py"


def test_each_row_has_a_title_and_a_status() -> None:
    for number, row in rfcs.read().items():
        assert row.title, f"RFC {number} has no title"
        assert row.status in rfcs.STATUS, f"RFC {number} has no status"


def test_each_file_that_is_named_cites_it() -> None:
    cited = rfcs.cited()
    assert set(cited) == set(rfcs.read()), REFRESH
    for number, row in rfcs.read().items():
        for name in row.files:
            assert cited[number][name], f"{name} does not cite RFC {number} any more: {REFRESH}"
