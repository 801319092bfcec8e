"""The documents and the code say the same."""

from __future__ import annotations

import csv
import re
from pathlib import Path

from correo.queue import states

ROOT = Path(__file__).parents[2]
CITATION = re.compile(r"RFC (\d{3,5})")


def test_the_queue_table_is_the_one_in_architecture() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text()
    printed = text.split("<!-- queue table: correo.queue.states.as_markdown() -->")[1].split("<!-- end -->")[
        0
    ]
    assert printed.strip() == states.as_markdown().strip()


def test_every_rfc_cited_has_a_row_and_every_row_a_citation() -> None:
    with (ROOT / "docs" / "rfcs.tsv").open() as file:
        rows = {row["number"]: row for row in csv.DictReader(file, delimiter="\t")}
    cited = {number for path in (ROOT / "src").rglob("*.py") for number in CITATION.findall(path.read_text())}
    assert cited == set(rows)
    for number, row in rows.items():
        for name in row["files"].split():
            assert (ROOT / "src" / "correo" / name).exists(), f"RFC {number}: {name} is not there"


def test_links_between_documents_lead_somewhere() -> None:
    for path in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", path.read_text()):
            if "://" not in target:
                assert (path.parent / target).exists(), f"{path.relative_to(ROOT)} links to {target}"
