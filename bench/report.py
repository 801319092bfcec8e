"""What was measured, as one table: Markdown for people, JSON with every single figure for programs."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from row import OURS, Figure, Goal, Row, more_is_better

HEAD = (
    "",
    "Correo",
    "the other",
    "which is",
    "times better",
    "goal",
    "CPU ms",
    "of the other",
    "MB",
    "of the other",
    "client",
)


@dataclass(frozen=True, slots=True)
class Line:
    """Ours beside one peer's, or alone; medians of the rounds."""

    row: str
    ours: Figure
    theirs: Figure | None
    goal: Goal | None

    @property
    def times(self) -> float | None:
        """How many times better ours is."""
        if self.theirs is None or self.ours.value <= 0 or self.theirs.value <= 0:
            return None
        ratio = self.ours.value / self.theirs.value
        return ratio if more_is_better(self.ours.unit) else 1 / ratio

    @property
    def reached(self) -> bool | None:
        """None where there is no goal, or nobody to compare with."""
        if (goal := self.goal) is None:
            return None
        asked = [
            (goal.times, self.times, 1),
            (goal.least, self.ours.value, 1),
            (goal.most, self.ours.value, -1),
            (goal.cpu, self.ours.cpu, -1),
        ]
        held = [
            (is_ - wanted) * sign >= 0
            for wanted, is_, sign in asked
            if wanted is not None and is_ is not None
        ]
        return all(held) if held else None


def lines(row: Row, figures: Sequence[Figure]) -> Iterator[Line]:
    """In the order in which they were measured first."""
    whats = dict.fromkeys(one.what for one in figures)
    for what in whats:
        mine = [one for one in figures if one.what == what]
        by_server = {
            name: _median([one for one in mine if one.server == name])
            for name in dict.fromkeys(one.server for one in mine)
        }
        ours = by_server.pop(OURS, None)
        if ours is None:
            continue
        goal = row.goals.get(what)
        for theirs in by_server.values():
            yield Line(row.name, ours, theirs, goal)
            goal = None if goal and goal.times is None else goal  # said once
        if not by_server:
            yield Line(row.name, ours, None, goal)


def _median(figures: Sequence[Figure]) -> Figure:
    first = figures[0]
    value, cpu, memory, client = (
        statistics.median(known) if (known := [one for one in values if one is not None]) else None
        for values in zip(*((one.value, one.cpu, one.memory, one.client) for one in figures), strict=True)
    )
    assert value is not None
    return Figure(first.what, first.server, value, first.unit, cpu, memory, client)


def table(found: Mapping[str, Sequence[Line]]) -> str:
    """In Markdown; `found` are the lines of each row by its name."""
    cells: list[Sequence[str]] = [HEAD, ("---", "---:", "---:", "---", *(["---:"] * (len(HEAD) - 4)))]
    for name, some in found.items():
        cells.append((f"**{name}**", *([""] * (len(HEAD) - 1))))
        cells += [_cells(line) for line in some]
    return markdown(cells)


def _cells(line: Line) -> tuple[str, ...]:
    ours, theirs = line.ours, line.theirs
    times = line.times
    return (
        ours.what,
        f"{_number(ours.value)} {ours.unit}",
        f"{_number(theirs.value)} {theirs.unit}" if theirs else "",
        theirs.server if theirs else "",
        "" if times is None else f"{times:.2f}" if times < 10 else f"{times:.0f}",
        _goal(line),
        _maybe(ours.cpu),
        _maybe(theirs.cpu) if theirs else "",
        _maybe(ours.memory),
        _maybe(theirs.memory) if theirs else "",
        "" if ours.client is None else f"{ours.client:.0%}",
    )


def _goal(line: Line) -> str:
    goal = line.goal
    if goal is None:
        return ""
    asked = [
        f"≥ {goal.times:g}" if goal.times is not None else "",
        f"≥ {_number(goal.least)} {line.ours.unit}" if goal.least is not None else "",
        f"≤ {_number(goal.most)} {line.ours.unit}" if goal.most is not None else "",
        f"≤ {goal.cpu:g} CPU ms" if goal.cpu is not None else "",
    ]
    mark = {None: "", True: " ✓", False: " ✗"}[line.reached]
    return ", ".join(filter(None, asked)) + mark


def _maybe(value: float | None) -> str:
    return "" if value is None else _number(value)


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def markdown(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(cells[at]) for cells in rows) for at in range(len(rows[0]))]
    return "\n".join("| " + " | ".join(map(str.ljust, cells, widths)) + " |" for cells in rows)


def document(
    rows: Sequence[Row], found: Mapping[str, Sequence[Line]], conditions: str, failed: Mapping[str, str]
) -> str:
    how = "\n".join(f"- **{row.name}**: {row.title}. {row.how}" for row in rows if row.name in found)
    ended = "".join(f"- **{name}** was not measured: {why}\n" for name, why in failed.items())
    return f"{conditions}\n\n{table(found)}\n\n{how}\n" + (f"\n{ended}" if ended else "")


def write_json(path: Path, conditions: str, figures: Mapping[str, Sequence[Figure]]) -> None:
    every = {name: [asdict(one) for one in some] for name, some in figures.items()}
    path.write_text(json.dumps({"conditions": conditions, "figures": every}, indent=1) + "\n")
