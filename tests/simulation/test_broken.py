"""Three builds that are broken in ways no other test would see at once: the simulation does, with the seeds it always runs."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from typing import Any

import apsw
import pytest
from tests.simulation.books import Broken
from tests.simulation.run import simulate
from tests.simulation.test_seeds import SEEDS
from tests.simulation.world import Plan

from correo.storage.db import sqlite


def caught() -> str:
    """The law that the first of the seeds finds broken."""
    for seed in SEEDS:
        try:
            simulate(Plan(seed))
        except Broken as broken:
            return broken.law
    return ""


def test_a_commit_that_is_not_synced(monkeypatch: pytest.MonkeyPatch) -> None:
    connect: Callable[..., apsw.Connection] = sqlite.connect

    def hasty(path: str, **words: Any) -> apsw.Connection:
        connection = connect(path, **words)
        connection.execute("PRAGMA synchronous = OFF")
        return connection

    monkeypatch.setattr(sqlite, "connect", hasty)
    assert caught() == "promised"


def test_a_claim_that_does_not_look_whether_somebody_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    free = "state IN ($4, 'active')"
    claim = sys.modules["correo.queue.claim"]  # the name is that of its function, too
    greedy = claim._CLAIM.replace("state || '' = $4", free).replace("state = $4", free)
    monkeypatch.setattr(claim, "_CLAIM", greedy)
    assert caught() == "once"


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
    assert caught() == "promised"
