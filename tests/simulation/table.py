"""The table of seeds that were run (docs/seeds.tsv), and its sums.

A digest is of every octet that was sent, and when. It stays the same for as long as the programs do, so the first line says of which
it is: of these sources, this Python and this SQLite, and of no others.
"""

from __future__ import annotations

import platform
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cache
from hashlib import blake2b
from pathlib import Path

import apsw
from tests.simulation.world import Outcome

ROOT = Path(__file__).parent.parent.parent
PUBLISHED = ROOT / "docs" / "seeds.tsv"
TEXT = ROOT / "docs" / "reliability.md"  # has the sums
COLUMNS = (
    "seed",
    "hours",
    "servers",
    "messages",
    "recipients",
    "kills",
    "power",
    "disks",
    "connections",
    "examinations",
    "digest",
)
SUMMED = COLUMNS[3:-1]
_KILLS = ("killed", "one of several killed")
_POWER = ("power cut at a turn", "power cut at a write")
_CONNECTIONS = ("connection cut", "connection stall")
_ENDS = ("delivered", "relayed", "bounced", "discarded")


@cache
def programs() -> str:
    """What the digests depend on."""
    digest = blake2b(digest_size=8)
    folders = [
        ROOT / "src" / "correo",
        *(ROOT / "tests" / name for name in ("simulation", "journeys", "access")),
    ]
    for path in sorted(
        path for folder in folders for path in folder.rglob("*") if path.suffix in (".py", ".sql")
    ):
        digest.update(path.read_bytes())
    return f"sources {digest.hexdigest()}, Python {platform.python_version()}, SQLite {apsw.sqlite_lib_version()}"


def row(outcome: Outcome) -> list[str]:
    faults, plan = outcome.faults, outcome.plan
    numbers = (
        plan.seed,
        round(outcome.seconds / 3600),
        plan.servers,
        outcome.ends["messages"],
        sum(outcome.ends[end] for end in _ENDS),
        sum(faults[name] for name in _KILLS),
        sum(faults[name] for name in _POWER),
        sum(count for name, count in faults.items() if name.startswith("disk")),
        sum(faults[name] for name in _CONNECTIONS),
        outcome.checks,
    )
    return [*map(str, numbers), outcome.digest]


def write(path: Path, rows: Iterable[Sequence[str]]) -> None:
    lines = [f"# {programs()}", "\t".join(COLUMNS), *("\t".join(row) for row in rows)]
    path.write_text("\n".join(lines) + "\n")


def read(path: Path) -> tuple[str, list[dict[str, str]]]:
    """The programs, and the rows by column."""
    first, _, *lines = path.read_text().splitlines()
    return first.removeprefix("# "), [dict(zip(COLUMNS, line.split("\t"), strict=True)) for line in lines]


def sums(rows: Iterable[dict[str, str]]) -> Counter[str]:
    total: Counter[str] = Counter()
    for one in rows:
        total.update({name: int(one[name]) for name in SUMMED})
        total["seeds"] += 1
    return total


def publish() -> None:
    """Put the sums of the published table into the text that names them."""
    words = sentence(sums(read(PUBLISHED)[1]))
    TEXT.write_text(re.sub(r"\d+ seeds: [^.]* examinations", words, TEXT.read_text()))


def sentence(total: Counter[str]) -> str:
    """As docs/reliability.md has it."""
    return (
        f"{total['seeds']} seeds: {total['messages']:,} messages, {total['recipients']:,} recipients, {total['kills']} kills, "
        f"{total['power']} losses of power, {total['disks']} disks in trouble, {total['connections']:,} connections that broke, "
        f"{total['examinations']:,} examinations"
    )
