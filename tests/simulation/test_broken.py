"""Builds that are broken on purpose, in ways few other tests would see: the simulation does, with the seeds it always runs."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.simulation.books import Broken
from tests.simulation.mutants import BY_NAME, FIXED, judged
from tests.simulation.run import simulate
from tests.simulation.world import Plan

from correo.storage.db import sqlite

AT_ONCE = ("commits-not-synced", "claim-of-the-taken")
AS_WELL = (  # of the others those that the first seeds show
    "every-write-a-note",
    "leases-never-lapse",
    "held-mail-goes-at-once",
    "failures-told-to-nobody",
    "later-taken-for-yes",
    "uids-given-again",
    "moved-and-still-there",
    "pop3-removes-the-neighbour",
    "withdrawn-and-still-open",
    "nobody-is-woken",
    "taken-back-while-it-is-sent",
    "gone-before-the-last-recipient",
    "freed-while-it-waits",
    "rights-not-asked",
)


@pytest.mark.parametrize(
    "name", [*AT_ONCE, *(pytest.param(name, marks=pytest.mark.slow) for name in AS_WELL)]
)
def test_is_caught(name: str) -> None:
    """By a law that says what is wrong."""
    assert judged(name).partition(":")[0] in BY_NAME[name].laws


def test_an_answer_before_the_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    run, end = sqlite.Sqlite._run, sqlite.Sqlite._end

    def told_at_once(self: sqlite.Sqlite, batch: list[Any]) -> bool:
        worked = run(self, batch)
        for waiting in batch:
            sqlite._tell(waiting)
        return worked

    async def after_a_while(self: sqlite.Sqlite, count: int, durable: bool) -> None:
        await asyncio.sleep(0.005)
        await end(self, count, durable)

    monkeypatch.setattr(sqlite.Sqlite, "_run", told_at_once)
    monkeypatch.setattr(sqlite.Sqlite, "_end", after_a_while)
    found = ""
    for seed in FIXED:
        try:
            simulate(Plan(seed, workers=1))  # with several, they would wait for each other's turns in earnest
        except Broken as broken:
            found = broken.law
            break
    assert found in ("promised", "UIDs", "kept")
