"""When the turn to write ends: with the commit, not when the event loop comes round to it."""

from __future__ import annotations

import asyncio
from pathlib import Path

from correo.storage.db import Tx
from correo.storage.db.sqlite import Sqlite
from correo.storage.db.turns import Turns


async def test_another_process_need_not_wait_for_our_event_loop(tmp_path: Path) -> None:
    path = tmp_path / "correo.db"
    db = await Sqlite.open(path, now=0)
    other = Turns(path)
    got: list[bool] = []

    def enter() -> None:
        got.append(other.take(2.0))  # the loop is in here, and cannot come round to anything
        other.release()

    async def op(tx: Tx) -> None:
        await tx.run("CREATE TABLE t (a)")
        asyncio.get_running_loop().call_soon(enter)

    await db.write(op)
    assert got == [True]
    assert not db._turns.held
    await db.write(Tx.run, "INSERT INTO t VALUES (1)")
    await db.close()
    other.close()
