"""What a row has measured: figures, of which most have a bound, and the table that is made of them."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "build"


@dataclass(frozen=True, slots=True)
class Figure:
    """One value. Below `least` or above `most` the row has failed."""

    what: str
    value: float
    unit: str = ""
    most: float = math.inf
    least: float = -math.inf

    @property
    def holds(self) -> bool:
        return self.least <= self.value <= self.most

    @property
    def bound(self) -> str:
        if self.least == self.most:
            return f"= {_number(self.most)}"
        some = [f">= {_number(self.least)}"] if self.least > -math.inf else []
        return ", ".join([*some, *([f"<= {_number(self.most)}"] if self.most < math.inf else [])])

    def __str__(self) -> str:
        return f"{self.what}: {_number(self.value)} {self.unit} (must be {self.bound})"


@dataclass(slots=True)
class Row:
    """What one run of a row has found."""

    name: str
    figures: list[Figure] = field(default_factory=list)

    def add(
        self, what: str, value: float, unit: str = "", *, most: float = math.inf, least: float = -math.inf
    ) -> None:
        self.figures.append(Figure(what, value, unit, most, least))

    def exactly(self, what: str, value: float, expected: float, unit: str = "") -> None:
        self.add(what, value, unit, most=expected, least=expected)

    @property
    def broken(self) -> list[str]:
        return [str(figure) for figure in self.figures if not figure.holds]


def markdown(rows: Sequence[Row]) -> str:
    lines = ["| row | what | measured | bound | |", "|---|---|---:|---:|---|"]
    for row in rows:
        for figure in row.figures:
            verdict = "" if figure.holds else "**broken**"
            cells = [row.name, figure.what, f"{_number(figure.value)} {figure.unit}".strip(), figure.bound]
            lines.append(f"| {' | '.join([*cells, verdict])} |")
    return "\n".join(lines) + "\n"


def publish(rows: Sequence[Row], folder: Path = FOLDER) -> None:
    folder.mkdir(exist_ok=True)
    (folder / "soak.md").write_text(markdown(rows))
    (folder / "soak.json").write_text(json.dumps([_plain(row) for row in rows], indent=1) + "\n")


def _plain(row: Row) -> dict[str, object]:
    """JSON knows no infinity: what has no bound has none there."""
    figures = [
        {key: value for key, value in asdict(figure).items() if value not in (math.inf, -math.inf)}
        for figure in row.figures
    ]
    return {"row": row.name, "figures": figures}


def _number(value: float) -> str:
    if value == int(value):
        return f"{int(value):,}"
    return f"{value:,.1f}" if abs(value) >= 10 else f"{value:.3g}"


def percentile(values: Sequence[float], share: float) -> float:
    """The least value that is not below so large a share of them; 0 where there are none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0
