"""Kills, failing system calls and full disks, for as long as one likes: python -m tests.faults --minutes 10 --seed 7.

The table goes to build/faults.md, and the numbers to build/faults.json.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from random import SystemRandom
from tempfile import TemporaryDirectory
from typing import TypeVar

import msgspec
from tests.faults import calls, disks, kills
from tests.faults.books import Broken

T = TypeVar("T")

BUILD = Path(__file__).parents[2] / "build"
FAULT_SECONDS = 3.0  # how long each error lasts
FULL_SECONDS = 10.0
KINDS = ("kills", "calls", "disks")


def main() -> int:
    parser = argparse.ArgumentParser(prog="faults")
    parser.add_argument("--minutes", type=float, default=5.0, help="of kills, half of them with two workers")
    parser.add_argument("--seed", type=int, default=None, help="a random one where none is given")
    parser.add_argument("--only", choices=KINDS, default=None)
    given = parser.parse_args()
    seed = SystemRandom().randrange(1 << 32) if given.seed is None else given.seed
    print(f"seed {seed}", flush=True)
    report = Report(seed)
    for workers in (1, 2):
        if given.only in (None, "kills"):
            report.kills(workers, given.minutes * 30.0)
        if given.only in (None, "calls"):
            report.calls(workers)
        if given.only in (None, "disks"):
            report.disks(workers)
    report.write()
    return 1 if report.broken else 0


class Report:
    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.broken: list[str] = []
        self.killed: list[kills.Outcome] = []
        self.called: list[calls.Outcome] = []
        self.filled: list[tuple[int, disks.Outcome]] = []

    def kills(self, workers: int, seconds: float) -> None:
        if outcome := self._try(
            f"kills, {workers} workers",
            lambda at: asyncio.run(kills.run(at, self.seed, workers, seconds=seconds)),
        ):
            self.killed.append(outcome)

    def calls(self, workers: int) -> None:
        if reason := calls.reason_against():
            print(reason)
        elif outcome := self._try(
            f"calls, {workers} workers",
            lambda at: asyncio.run(calls.run(at, self.seed, workers, seconds=FAULT_SECONDS)),
        ):
            self.called.append(outcome)

    def disks(self, workers: int) -> None:
        if reason := disks.reason_against():
            print(reason)
        elif outcome := self._try(
            f"disks, {workers} workers", lambda at: disks.in_a_namespace(at, self.seed, workers, FULL_SECONDS)
        ):
            self.filled.append((workers, outcome))

    def _try(self, what: str, work: Callable[[Path], T]) -> T | None:
        with TemporaryDirectory(prefix="correo-faults-") as folder:
            Path(folder).chmod(0o755)  # the server is somebody else
            try:
                result = work(Path(folder))
            except Broken as broken:
                self.broken.append(f"{what}: {broken}")
                print(f"{what}: BROKEN, {broken} (seed {self.seed})", flush=True)
                return None
        print(f"{what}: all is as promised", flush=True)
        return result

    def write(self) -> None:
        parts = [_kills_table(self.killed), _calls_table(self.called), _disks_table(self.filled)]
        text = "\n\n".join([f"Seed {self.seed}.", *filter(None, parts), *self.broken]) + "\n"
        BUILD.mkdir(exist_ok=True)
        (BUILD / "faults.md").write_text(text)
        found = {"kills": self.killed, "calls": self.called, "disks": self.filled, "broken": self.broken}
        (BUILD / "faults.json").write_bytes(msgspec.json.format(msgspec.json.encode(found)))
        print(text)


def _table(head: Sequence[str], rows: list[tuple[object, ...]]) -> str:
    lines: list[Sequence[object]] = [head, ("---",) * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines) if rows else ""


def _kills_table(outcomes: list[kills.Outcome]) -> str:
    head = (
        *(
            "workers",
            "minutes",
            "all killed",
            "one killed",
            "replaced",
            "stopped",
            "messages promised",
            "recipients",
        ),
        *("without an answer", "lost", "twice here", "twice there, explained", "longest start"),
    )
    rows: list[tuple[object, ...]] = []
    for one in outcomes:
        ways = [one.ways[way] for way in ("all killed", "one killed", "replaced", "stopped")]
        doubles = one.found.doubles if one.found else 0
        sums = (f"{one.promised:,}", f"{one.recipients:,}", one.unanswered, 0, 0, doubles)
        rows.append((one.workers, f"{one.seconds / 60:.1f}", *ways, *sums, f"{one.longest_start:.1f} s"))
    return _table(head, rows)


def _calls_table(outcomes: list[calls.Outcome]) -> str:
    head = (
        "error",
        "calls",
        "workers",
        "injected",
        "taken meanwhile",
        "refused meanwhile",
        "taken again after",
    )
    rows: list[tuple[object, ...]] = [
        (
            told.fault.name,
            f"{told.fault.calls} {told.fault.error.rpartition('=')[2]}",
            outcome.workers,
            told.injected,
            told.promised,
            told.refused,
            f"{told.recovered:.1f} s",
        )
        for outcome in outcomes
        for told in outcome.told
    ]
    return _table(head, rows)


def _disks_table(outcomes: list[tuple[int, disks.Outcome]]) -> str:
    head = ("full disk: workers", "promised", "refused", "starts when full", "ends when read-only with")
    return _table(
        head,
        [
            (workers, one.promised, one.refused, "yes" if one.started_when_full else "no", one.read_only)
            for workers, one in outcomes
        ],
    )


if __name__ == "__main__":
    sys.exit(main())
