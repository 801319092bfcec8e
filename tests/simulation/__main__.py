"""Runs the simulation and says what happened: python -m tests.simulation --seed 7 --hours 168 --servers 4 --letters 10000."""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from random import SystemRandom

from tests.simulation.books import Broken
from tests.simulation.run import simulate
from tests.simulation.world import HOURS, LETTERS, SERVERS, Outcome, Plan


def main() -> int:
    parser = argparse.ArgumentParser(prog="simulate")
    parser.add_argument("--seed", type=int, default=None, help="the first; a random one where none is given")
    parser.add_argument("--runs", type=int, default=1, help="so many seeds, one after the other")
    parser.add_argument("--hours", type=float, default=HOURS)
    parser.add_argument("--servers", type=int, default=SERVERS, choices=range(2, 9))
    parser.add_argument("--letters", type=int, default=0, help="about; 0 is as many an hour as in the tests")
    given = parser.parse_args()
    first = SystemRandom().randrange(1 << 32) if given.seed is None else given.seed
    letters = given.letters or round(given.hours * LETTERS / HOURS)
    failed = 0
    for seed in range(first, first + given.runs):
        plan = Plan(seed, given.hours, given.servers, letters)
        began = time.process_time()
        try:
            outcome = simulate(plan)
        except Broken as broken:
            failed += 1
            print(f"seed {seed}: BROKEN, {broken}", flush=True)
        else:
            print(f"seed {seed}: {_told(outcome, time.process_time() - began)}", flush=True)
    return 1 if failed else 0


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
