"""The table as a picture: a bar for each line that has a peer, on a logarithmic scale of how many times better Correo is.

SVG that any browser shows, also within a page: it has no script, takes the reader's light or dark, and says in words what the
bars show.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

from report import Line

BAR, GAP, HEAD, FOOT = 14, 8, 34, 40  # pixels
NAMES, BARS, NUMBERS = 430, 400, 250
SMALLEST, LARGEST = 0.25, 1_000.0  # times; beyond them bars end there
MARKS = (0.5, 1.0, 2.0, 5.0, 10.0, 50.0, 100.0, 1_000.0)
STYLE = """
  text { font: 12px system-ui, sans-serif; fill: #24292f } .title { font-weight: 600; font-size: 13px } .small { font-size: 11px; fill: #57606a }
  .better { fill: #2da44e } .short { fill: #bf8700 } .worse { fill: #cf222e }
  .grid { stroke: #d0d7de } .even { stroke: #57606a } .goal { stroke: #24292f; stroke-width: 2 } .paper { fill: #ffffff }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 } .small { fill: #9198a1 } .grid { stroke: #30363d } .even { stroke: #9198a1 } .goal { stroke: #e6edf3 }
    .better { fill: #3fb950 } .short { fill: #d29922 } .worse { fill: #f85149 } .paper { fill: #0d1117 }
  }
"""


def svg(lines: Sequence[Line]) -> str:
    shown = [line for line in lines if line.times is not None]
    widest = max((max(line.times or 1, (line.goal and line.goal.times) or 1) for line in shown), default=1.0)
    scale = _Scale(min(LARGEST, max(10.0, widest * 1.3)))
    height = HEAD + len(shown) * (BAR + GAP) + FOOT
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" viewBox="0 0 {NAMES + BARS + NUMBERS} {height}"'
        f' width="{NAMES + BARS + NUMBERS}" height="{height}">',
        "<title>How many times better Correo is than the others</title>",
        f'<style>{STYLE}</style><rect class="paper" width="100%" height="100%"/>',
        '<text class="title" x="12" y="20">How many times better Correo is: more to the right is better</text>',
        *_grid(scale, height),
    ]
    for at, line in enumerate(shown):
        parts += _bar(scale, line, HEAD + at * (BAR + GAP))
    parts.append(
        f'<text class="small" x="12" y="{height - 10}">logarithmic; 1 is equal; the upright stroke is the goal</text></svg>'
    )
    return "\n".join(parts) + "\n"


class _Scale:
    def __init__(self, largest: float) -> None:
        self._span = math.log(largest / SMALLEST)
        self.largest = largest

    def __call__(self, times: float) -> float:
        """Pixels from the left edge of the picture."""
        kept = min(max(times, SMALLEST), self.largest)
        return NAMES + BARS * math.log(kept / SMALLEST) / self._span


def _grid(scale: _Scale, height: int) -> list[str]:
    found = []
    for mark in MARKS:
        if mark <= scale.largest:
            x, kind = scale(mark), "even" if mark == 1 else "grid"
            found.append(
                f'<line class="{kind}" x1="{x:.1f}" x2="{x:.1f}" y1="{HEAD - 6}" y2="{height - FOOT + 2}"/>'
            )
            found.append(
                f'<text class="small" x="{x:.1f}" y="{height - FOOT + 16}" text-anchor="middle">{mark:g}</text>'
            )
    return found


def _bar(scale: _Scale, line: Line, top: int) -> list[str]:
    times = line.times or 1.0
    left, right = sorted((scale(1.0), scale(times)))
    kind = "worse" if times < 1 else "short" if line.reached is False else "better"
    peer = line.theirs.server if line.theirs else ""
    label = escape(f"{line.row}: {line.ours.what}")
    middle, number = top + BAR - 3, f"{times:.0f}" if times >= 100 else f"{times:.1f}"
    found = [
        f'<g><title>{label}, beside {escape(peer)}: {times:.2f}</title><text x="{NAMES - 10}" y="{middle}" text-anchor="end">{_short(label)}</text>',
        f'<rect class="{kind}" x="{left:.1f}" y="{top}" width="{max(right - left, 1):.1f}" height="{BAR}" rx="2"/>',
        f'<text x="{max(right, scale(1.0)) + 6:.1f}" y="{middle}">{number}<tspan class="small" dx="6">{escape(peer)}</tspan></text>',
    ]
    if line.goal and line.goal.times is not None:
        x = scale(line.goal.times)
        found.append(f'<line class="goal" x1="{x:.1f}" x2="{x:.1f}" y1="{top - 3}" y2="{top + BAR + 3}"/>')
    return [*found, "</g>"]


def _short(label: str, most: int = 66) -> str:
    return label if len(label) <= most else f"{label[: most - 1]}…"
