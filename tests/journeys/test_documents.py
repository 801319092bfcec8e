"""What docs/journeys/ tells is there: every `file: name` that is named exists, and every table of the story agrees with the code."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "correo"
DOCUMENTS = sorted((ROOT / "docs" / "journeys").glob("*.md"))
STEP = re.compile(r"`([\w/]+\.py): (\w+)`")


def names(path: Path) -> set[str]:
    """Functions, methods, classes and values that a module defines."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Assign):
            found |= {target.id for target in node.targets if isinstance(target, ast.Name)}
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            found.add(node.target.id)
    return found


def test_the_journeys_that_are_told() -> None:
    assert {path.stem for path in DOCUMENTS} >= {"local", "remote", "bounce", "imap"}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.stem)
def test_every_step_names_what_exists(document: Path) -> None:
    steps = STEP.findall(document.read_text(encoding="utf-8"))
    assert len(steps) >= 15, "a journey names file and function at each step"
    missing = []
    for file, name in steps:
        path = SOURCE / file
        if not path.exists():
            missing.append(f"{file} is not there")
        elif name not in names(path):
            missing.append(f"{file} has no {name}")
    assert not missing, missing


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.stem)
def test_no_step_is_written_in_another_way(document: Path) -> None:
    """A file that is named without a function could not be checked."""
    text = document.read_text(encoding="utf-8")
    assert set(re.findall(r"`([\w/]+\.py)\b[^`]*`", text)) == {file for file, _ in STEP.findall(text)}
