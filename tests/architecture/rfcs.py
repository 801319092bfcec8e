"""docs/rfcs.tsv from the citations in the source: `.venv/bin/python tests/architecture/rfcs.py` writes it anew.

Titles and status are kept as they stand in the file; a number that is cited for the first time gets empty ones, to be filled in by hand.
The status says how far Correo goes:

    whole    what it asks of a program of this kind is done
    partly   spoken, read or kept in part; the files say which part
    rules    single rules of it are kept where they are cited
"""

from __future__ import annotations

import csv
import re
from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "correo"
TABLE = ROOT / "docs" / "rfcs.tsv"
CITATION = re.compile(r"RFC (\d{3,5})")
COLUMNS = ("number", "title", "status", "files")
STATUS = ("whole", "partly", "rules")
MOST_FILES = 6  # of one row: those that cite it most


@dataclass(frozen=True, slots=True)
class Row:
    number: int
    title: str = ""
    status: str = ""
    files: tuple[str, ...] = ()  # relative to src/correo


def read() -> dict[int, Row]:
    with TABLE.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file, delimiter="\t")
        return {
            int(row["number"]): Row(
                int(row["number"]), row["title"], row["status"], tuple(row["files"].split())
            )
            for row in rows
        }


def cited() -> dict[int, Counter[str]]:
    """How often each file of the source cites each RFC."""
    found: dict[int, Counter[str]] = defaultdict(Counter)
    for path in sorted(SOURCE.rglob("*.py")):
        for number in CITATION.findall(path.read_text(encoding="utf-8")):
            found[int(number)][path.relative_to(SOURCE).as_posix()] += 1
    return found


def current() -> list[Row]:
    """The rows as they should be now."""
    known = read() if TABLE.exists() else {}
    rows = []
    for number, files in sorted(cited().items()):
        most = sorted(files, key=lambda name: (-files[name], name))[:MOST_FILES]
        rows.append(replace(known.get(number, Row(number)), files=tuple(sorted(most))))
    return rows


def write(rows: list[Row]) -> None:
    with TABLE.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, delimiter="\t", lineterminator="\n", quoting=csv.QUOTE_NONE, quotechar=None)
        table.writerow(COLUMNS)
        table.writerows((row.number, row.title, row.status, " ".join(row.files)) for row in rows)


def main() -> None:
    rows = current()
    write(rows)
    for row in rows:
        if not row.title or row.status not in STATUS:
            print(
                f"RFC {row.number} is new: write its title and status ({', '.join(STATUS)}) into {TABLE.relative_to(ROOT)}"
            )


if __name__ == "__main__":
    main()
