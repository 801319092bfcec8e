"""Runs the simulation and says what happened: python -m tests.simulation --seed 7 --hours 168 --servers 4 --letters 10000."""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from random import SystemRandom

from tests.simulation import table
from tests.simulation.books import Broken
from tests.simulation.coverage import Coverage
from tests.simulation.run import simulate
from tests.simulation.world import HOURS, LETTERS, SERVERS, Outcome, Plan


def main() -> int:
    given = _arguments()
    letters = given.letters or round(given.hours * LETTERS / HOURS)
    rows: list[list[str]] = []
    coverage = Coverage()
    failed = 0
    for seed in _seeds(given.seed, given.runs):
        began = time.process_time()
        try:
            outcome = simulate(Plan(seed, given.hours, given.servers, letters, given.workers))
        except Broken as broken:
            failed += 1
            print(f"seed {seed}: BROKEN, {broken}", flush=True)
        else:
            rows.append(table.row(outcome))
            coverage.add(outcome.coverage)
            print(f"seed {seed}: {_told(outcome, time.process_time() - began)}", flush=True)
    if given.verbose:
        print(f"\nArrows of the queue, and what was under way when something happened:\n\n{coverage}")
    if given.table and not failed:
        table.write(given.table, rows)
        if given.table.resolve() == table.PUBLISHED:
            table.publish()
        print(table.sentence(table.sums(table.read(given.table)[1])))
    return 1 if failed else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="simulate")
    parser.add_argument("--seed", default="", help="7, or 1-100; a random one where none is given")
    parser.add_argument("--runs", type=int, default=1, help="so many seeds, one after the other")
    parser.add_argument("--hours", type=float, default=HOURS)
    parser.add_argument("--servers", type=int, default=SERVERS, choices=range(2, 9))
    parser.add_argument("--letters", type=int, default=0, help="about; 0 is as many an hour as in the tests")
    parser.add_argument(
        "--workers", type=int, default=0, help="processes of each server; 0 is 2, 1 and 3 in turn"
    )
    parser.add_argument("--verbose", action="store_true", help="say what was met, too")
    parser.add_argument("--table", type=Path, help="write a line for each seed into this file")
    return parser.parse_args()


def _seeds(words: str, runs: int) -> Sequence[int]:
    if "-" in words:
        first, _, last = words.partition("-")
        return range(int(first), int(last) + 1)
    start = int(words) if words else SystemRandom().randrange(1 << 32)
    return range(start, start + runs)


def _told(outcome: Outcome, seconds: float) -> str:
    hours = outcome.seconds / 3600
    messages = outcome.ends.pop("messages")
    return f"""{hours:.0f} hours, {outcome.plan.servers} servers, {messages:,} messages in {seconds:.1f} s of processor time
  letters   {_listed(outcome.letters)}
  ends      {_listed(outcome.ends)}
  people    {_listed(outcome.people)}
  faults    {_listed(outcome.faults)}
  laws      {outcome.checks} examinations of a server: lost 0, twice without a reason 0, broken 0
  digest    {outcome.digest}"""


def _listed(counted: Counter[str]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in sorted(counted.items()))


if __name__ == "__main__":
    sys.exit(main())
