"""What the benchmarks that go row by row print and write: a table of two servers side by side, in Markdown, and every measurement."""

from __future__ import annotations

import json
import statistics
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Measured:
    row: str
    server: str
    seconds: float  # of one of what is counted
    cpu: float  # seconds of processor for it, of all processes of the server; in steps of 10 ms
    unit: str  # "" for one command, whose milliseconds are shown; else what is counted a second


def side_by_side(measured: Sequence[Measured], names: Sequence[str]) -> str:
    """The rows in the order in which they were measured; the last column is what the second server takes to the first one's time."""
    head = ["", *names, *(f"CPU ms, {name}" for name in names)]
    if names[1:]:
        head.append(f"{names[1]} / {names[0]}")
    lines = [head, rule(head)]
    for row in dict.fromkeys(one.row for one in measured):
        mine = [[one for one in measured if (one.row, one.server) == (row, name)] for name in names]
        if not all(mine):
            continue
        seconds = [statistics.median(one.seconds for one in some) for some in mine]
        cpus = [statistics.mean(one.cpu for one in some) for some in mine]
        shown = [_shown(each, mine[0][0].unit) for each in seconds]
        cells = [row, *shown, *(f"{cpu * 1e3:,.2f}" for cpu in cpus)]
        if names[1:]:
            cells.append(f"{seconds[1] / seconds[0]:.2f}")
        lines.append(cells)
    return markdown(lines)


def _shown(seconds: float, unit: str) -> str:
    return f"{1 / seconds:,.0f} {unit}/s" if unit else f"{seconds * 1e3:,.1f} ms"


def rule(head: Sequence[str]) -> list[str]:
    """What stands below the head of a table whose first column is words."""
    return ["---", *("---:" for _ in head[1:])]


def markdown(lines: Sequence[Sequence[str]], pad: Callable[[str, int], str] = str.ljust) -> str:
    widths = [max(len(cells[at]) for cells in lines) for at in range(len(lines[0]))]
    return "\n".join("| " + " | ".join(map(pad, cells, widths)) + " |" for cells in lines)


def add_outputs(parser: ArgumentParser) -> None:
    parser.add_argument("--markdown", type=Path, help="write the table there")
    parser.add_argument("--json", type=Path, help="write every single measurement there")


def publish(text: str, measured: Sequence[Any], given: Namespace) -> None:
    """`measured` are values of dataclasses; `given` has the options of `add_outputs`."""
    print(f"\n{text}")
    if given.markdown:
        given.markdown.write_text(text)
    if given.json:
        given.json.write_text(json.dumps([asdict(one) for one in measured], indent=1))
