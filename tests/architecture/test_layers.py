"""The table of layers in ARCHITECTURE.md is the law: who may import whom, and what the pure packages must not touch."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "correo"

IMPURE = {
    "asyncio", "socket", "ssl", "selectors", "threading", "multiprocessing", "subprocess", "time", "random", "secrets", "uuid",
    "os", "logging", "structlog", "apsw", "sqlite3", "signal",
}  # fmt: skip
CLOCKS_AND_DICE = {"time", "random", "secrets", "uuid"}


def layer_table() -> dict[str, int]:
    """`| 0 | mail config | ...` rows of ARCHITECTURE.md: package -> layer."""
    table: dict[str, int] = {}
    for line in (ROOT / "ARCHITECTURE.md").read_text().splitlines():
        if match := re.match(r"\|\s*(\d)\s*\|([^|]+)\|", line):
            for package in re.findall(r"`(\w+)`", match[2]):
                table[package] = int(match[1])
    return table


LAYERS = layer_table()
MODULES = sorted(SOURCE.rglob("*.py"))


def package_of(path: Path) -> str:
    relative = path.relative_to(SOURCE)
    return relative.parts[0].removesuffix(".py")


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """(line, dotted name) of everything a module imports, wherever in it the import stands."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: imports are absolute"
            module = node.module or ""
            if module == "correo":
                for alias in node.names:
                    yield node.lineno, f"correo.{alias.name}"
            else:
                yield node.lineno, module


def test_every_package_has_a_layer() -> None:
    packages = {package_of(path) for path in MODULES} - {"__init__", "__main__"}
    assert packages == set(LAYERS)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_imports_go_downwards_only(path: Path) -> None:
    package = package_of(path)
    if package in ("__init__", "__main__"):
        return
    for line, name in imports(path):
        if not name.startswith("correo."):
            continue
        other = name.split(".")[1]
        if other.startswith("_"):
            continue
        allowed = other == package or LAYERS[other] < LAYERS[package]
        assert allowed, (
            f"{path.relative_to(ROOT)}:{line}: {package} (layer {LAYERS[package]}) may not import {name}"
        )


@pytest.mark.parametrize("package", ["mail", "wire", "config"])
def test_pure_packages_touch_no_world(package: str) -> None:
    for path in sorted((SOURCE / package).rglob("*.py")):
        for line, name in imports(path):
            assert name.split(".")[0] not in IMPURE, f"{path.relative_to(ROOT)}:{line} imports {name}"


def test_clock_and_chance_are_read_in_one_place() -> None:
    for path in MODULES:
        if package_of(path) in ("clock", "cli"):
            continue
        for line, name in imports(path):
            if name.split(".")[0] in CLOCKS_AND_DICE and not _only_the_type(path, name):
                raise AssertionError(
                    f"{path.relative_to(ROOT)}:{line} imports {name}; take a Clock or a Chance as an argument"
                )


def _only_the_type(path: Path, name: str) -> bool:
    """`from random import Random` for a signature is no dice."""
    return name == "random" and "from random import Random\n" in path.read_text()


@pytest.mark.parametrize(
    "path", [p for p in MODULES if p.name == "__init__.py"], ids=lambda p: str(p.relative_to(SOURCE))
)
def test_every_package_states_its_contract(path: Path) -> None:
    if path.parent == SOURCE:
        return
    docstring = ast.get_docstring(ast.parse(path.read_text()))
    assert docstring, f"{path} has no docstring"
    assert len(docstring.splitlines()) <= 30


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_modules_stay_small(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 500, "a module past 500 lines asks for a second look"


def test_no_mocks_and_no_sleeping_in_tests() -> None:
    for path in sorted((ROOT / "tests").rglob("*.py")):
        for line, name in imports(path):
            assert not name.startswith("unittest.mock"), (
                f"{path}:{line}: fakes that pass a contract suite, not mocks"
            )


def test_no_possessive_groups_in_expressions() -> None:
    """`(...)*+` and `(?>...)` match wrongly in Python 3.11.0 to 3.11.3, and Debian 12 has 3.11.2; `[...]*+` is sound."""
    for path in MODULES:
        for number, line in enumerate(path.read_text().splitlines(), 1):
            wrong = re.search(r"\)[*+?]\+|\(\?>|\)\{[\d,]+\}\+", line)
            assert not wrong, f"{path.relative_to(ROOT)}:{number}: a possessive group"
