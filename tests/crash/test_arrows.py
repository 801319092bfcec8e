"""Killed at every commit of a day in which every arrow of the queue's table is walked, before and after the commit.

Nothing may be lost that anybody was told was taken, and nothing may be there twice inside Correo.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from random import Random

import pytest
from tests.crash.scenario import HOST, TRACE, Plan
from tests.crash.trap import AFTER, BEFORE
from tests.crash.verify import verify

from correo.clock.virtual import run
from correo.queue.states import TABLE

pytestmark = pytest.mark.crash

KILLED = -9
DOUBLE = 12  # how many of the crashes are followed by another one during the recovery
SECONDS = 60.0  # no order takes a tenth of it


class Child:
    """Where the crashes happen. `template` is the server before the story, copied for each."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.template = folder / "template"
        self.template.mkdir()
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("child.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONHASHSEED": "0"},
        )
        assert self.order("prepare", self.template) == 0, self.log(self.template)

    def order(self, deed: str, folder: Path, plan: Plan | None = None) -> int:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        words = asdict(plan) if plan else {}
        self._process.stdin.write(json.dumps({"do": deed, "folder": str(folder), **words}) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer, "the child has died itself"
        return int(answer)

    def world(self, name: str) -> Path:
        """A new server before the story."""
        world = self.folder / name
        shutil.copytree(self.template / HOST, world / HOST)
        return world

    def log(self, folder: Path) -> str:
        return "\n".join((folder / "log").read_text().splitlines()[-40:])

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(SECONDS)


@pytest.fixture(scope="module")
def child(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Child]:
    child = Child(tmp_path_factory.mktemp("crash"))
    yield child
    child.close()


@pytest.fixture(scope="module")
def arrows(child: Child) -> list[list[str]]:
    """What each commit of the undisturbed story was."""
    world = child.world("undisturbed")
    assert child.order("run", world, Plan(trace=True)) == 0, child.log(world)
    assert run(verify(world)) == []
    walked: list[list[str]] = json.loads((world / TRACE).read_text())
    return walked


def test_the_story_walks_every_arrow(arrows: list[list[str]]) -> None:
    assert {event for commit in arrows for event in commit} == {step.event.value for step in TABLE}


@pytest.mark.parametrize("side", [BEFORE, AFTER])
def test_killed_at_every_commit(side: str, child: Child, arrows: list[list[str]]) -> None:
    dice = Random(side)
    twice = set(dice.sample(range(1, len(arrows) + 1), DOUBLE))
    for number, events in enumerate(arrows, 1):
        world = child.world(f"{side}-{number}")
        where = f"killed {side} commit {number} ({', '.join(events) or 'no arrow'}) in {world}"
        assert child.order("run", world, Plan(number, side)) == KILLED, f"{where}\n{child.log(world)}"
        if number in twice:
            again = Plan(dice.randint(1, 12), dice.choice([BEFORE, AFTER]))
            assert child.order("recover", world, again) in (KILLED, 0), f"{where}\n{child.log(world)}"
            where += f", and again at {again}"
        assert child.order("recover", world) == 0, f"{where}\n{child.log(world)}"
        assert run(verify(world)) == [], where
        shutil.rmtree(world)
