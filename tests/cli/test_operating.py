"""What the documents tell people to type exists."""

from __future__ import annotations

import configparser
import importlib
import re
from pathlib import Path

import click
import pytest

from correo.cli import COMMANDS, module_of
from correo.cli.first_config import REAL

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "docs" / "operating.md", ROOT / "README.md"]
TYPED = re.compile(
    r"(?:^|[`/ ])correo((?: +(?:--config|--json) *\S*)?(?: +[a-z][a-z|-]*)+)([^`\n#]*)", re.MULTILINE
)
CODE = re.compile(r"```.*?```|`[^`\n]+`", re.DOTALL)


def typed() -> list[tuple[str, list[str], list[str]]]:
    """(where, words after `correo`, options) of every command in a code span or block."""
    found = []
    for document in DOCUMENTS:
        for code in CODE.findall(document.read_text()) if document.exists() else ():
            for words, rest in TYPED.findall(code):
                found.append((document.name, words.split(), re.findall(r"--[a-z-]+", rest)))
    return found


def test_documents_name_commands_at_all() -> None:
    assert len(typed()) > 30


@pytest.mark.parametrize(("document", "words", "options"), typed())
def test_every_command_in_the_documents_exists(document: str, words: list[str], options: list[str]) -> None:
    name, *rest = words
    assert name in COMMANDS, f"{document}: correo {name}"
    command = importlib.import_module(f"correo.cli.{module_of(name)}").command
    assert isinstance(command, click.Command)
    branches: list[click.Command] = [command]
    while isinstance(group := branches[0], click.Group) and rest:
        assert set(rest[0].split("|")) <= set(group.commands), f"{document}: correo {name} {rest[0]}"
        branches = [group.commands[one] for one in rest.pop(0).split("|")]
    for branch in branches:
        known = {opt for param in branch.params for opt in (*param.opts, *param.secondary_opts)} | {"--help"}
        assert set(options) <= known, f"{document}: correo {' '.join(words)} {options}"


def test_the_unit_files_go_with_what_init_writes() -> None:
    socket = (ROOT / "packaging" / "correo.socket").read_text()
    assert re.findall(r"^ListenStream=\[::\]:(\d+)$", socket, re.MULTILINE) == [str(one.port) for one in REAL]
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read(ROOT / "packaging" / "correo.service")
    service = unit["Service"]
    assert (service["Type"], service["User"]) == ("notify", "correo")
    assert service["AmbientCapabilities"] == service["CapabilityBoundingSet"] == "CAP_NET_BIND_SERVICE"
    assert service["ExecStart"].endswith("/correo --config /etc/correo/correo.toml serve")
    docker = (ROOT / "packaging" / "Dockerfile").read_text()
    assert re.findall(r"^EXPOSE (.*)$", docker, re.MULTILINE) == [" ".join(str(one.port) for one in REAL)]
    assert "\nUSER correo\n" in docker
