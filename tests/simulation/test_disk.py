"""The disk of the simulation forgets what was not synced, and nothing else."""

from __future__ import annotations

from pathlib import Path
from random import Random

import apsw
import pytest
from tests.simulation.disk import Disk

from correo.clock.virtual import START
from correo.mail.errors import Kind, Refused
from correo.storage.db import Tx
from correo.storage.db.sqlite import Sqlite


async def opened(path: Path, disk: Disk, *, durable: bool = True) -> Sqlite:
    return await Sqlite.open(path, now=START, threaded=False, durable=durable, vfs=disk.name)


async def add(tx: Tx, name: str) -> None:
    await tx.run("INSERT INTO accounts_secret (name, value) VALUES ($1, $2)", name, b"x" * 3000)


async def names(tx: Tx) -> list[str]:
    return [name for (name,) in await tx.all("SELECT name FROM accounts_secret ORDER BY name")]


async def crash(database: Sqlite, disk: Disk, dice: Random | None, share: float = 0.0) -> None:
    disk.lose_power()
    await database.close()
    disk.restore(dice, share)


async def test_what_was_synced_outlives_a_loss_of_power(tmp_path: Path) -> None:
    disk = Disk()
    database = await opened(tmp_path / "a.db", disk)
    for number in range(10):
        await database.write(add, f"name{number}")
        await crash(database, disk, Random(number))
        database = await opened(tmp_path / "a.db", disk)
        assert len(await database.read(names)) == number + 1
    await database.close()


async def test_what_was_not_synced_does_not(tmp_path: Path) -> None:
    disk = Disk()
    await (await opened(tmp_path / "a.db", disk)).close()
    database = await opened(tmp_path / "a.db", disk, durable=False)
    await database.write(add, "gone")
    await crash(database, disk, Random(1))
    database = await opened(tmp_path / "a.db", disk)
    assert await database.read(names) == []
    await database.close()


async def test_a_process_that_is_killed_leaves_what_it_wrote(tmp_path: Path) -> None:
    disk = Disk()
    database = await opened(tmp_path / "a.db", disk, durable=False)
    await database.write(add, "stays")
    await crash(database, disk, None)
    database = await opened(tmp_path / "a.db", disk)
    assert await database.read(names) == ["stays"]
    await database.close()


@pytest.mark.parametrize("fuse", range(0, 60, 3))
async def test_the_power_may_fail_at_any_write(tmp_path: Path, fuse: int) -> None:
    """Everything up to some commit is there, the file is whole, and what was answered is among it."""
    disk, dice = Disk(), Random(fuse)
    database = await opened(tmp_path / "a.db", disk)
    database._writer.wal_autocheckpoint(4)  # so that the power fails in the middle of some, too
    disk.fuse = fuse
    answered = []
    for number in range(12):
        try:
            await database.write(add, f"name{number:02}")
        except (Refused, apsw.Error):
            break
        if disk.dark:
            break
        answered.append(f"name{number:02}")
    await crash(database, disk, dice, dice.choice((0.0, 0.5, 0.95)))
    database = await opened(tmp_path / "a.db", disk)
    found = await database.read(names)
    assert found[: len(answered)] == answered
    assert len(found) <= len(answered) + 1
    connection = apsw.Connection(str(tmp_path / "a.db"))
    assert connection.pragma("integrity_check") == "ok"
    connection.close()
    await database.close()


@pytest.mark.parametrize("trouble", ["full", "broken"])
async def test_a_disk_in_trouble_is_a_refusal_and_does_no_harm(tmp_path: Path, trouble: str) -> None:
    disk = Disk()
    database = await opened(tmp_path / "a.db", disk)
    await database.write(add, "before")
    setattr(disk, trouble, True)
    with pytest.raises(Refused) as refused:
        await database.write(add, "during")
    assert refused.value.kind is Kind.UNAVAILABLE
    setattr(disk, trouble, False)
    await database.write(add, "after")
    assert await database.read(names) == ["after", "before"]
    await database.close()
