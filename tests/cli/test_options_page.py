"""docs/options.md is the options tree."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import get_type_hints

from correo.cli.options_page import page
from correo.config import Config, Listener

DOCUMENT = Path(__file__).parents[2] / "docs" / "options.md"


def test_the_page_is_made_from_the_tree() -> None:
    assert DOCUMENT.read_text() == page(), "run: python -m correo.cli.options_page > docs/options.md"


def test_every_option_is_on_it() -> None:
    text = page()
    kinds = [Config, Listener, *(kind for kind in get_type_hints(Config).values() if is_dataclass(kind))]
    for kind in kinds:
        for field in fields(kind):
            if "parse" in field.metadata:
                assert f"| `{field.name}` |" in text
                assert field.metadata["why"].replace("|", "\\|") in text
