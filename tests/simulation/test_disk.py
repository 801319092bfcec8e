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
    return await Sqlite.open(path, now=START, threaded=False, durable=durable, vfs=disk.mount().name)


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


async def test_a_sync_that_failed_is_not_made_up_for_by_the_next(tmp_path: Path) -> None:
    """As on Linux: what it left out is lost with the power, unless it is written again."""
    (tmp_path / "a.db").touch()
    path = str(tmp_path / "a.db-wal")
    disk = Disk()
    flags = [apsw.SQLITE_OPEN_WAL | apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE, 0]
    file = disk.mount().xOpen(path, flags)
    for page in range(100):
        file.xWrite(b"x" * 512, page * 512)
    disk.broken = True
    with pytest.raises(apsw.IOError):
        file.xSync(0)
    disk.broken = False
    file.xSync(0)
    left = bytes(disk.traces[path].durable)
    assert 0 < left.count(b"x") < 51_200
    file.xWrite(b"x" * 51_200, 0)
    file.xSync(0)
    assert bytes(disk.traces[path].durable) == b"x" * 51_200
    file.xClose()


@pytest.mark.parametrize("seed", range(20))
async def test_a_log_that_was_removed_may_come_back_and_does_no_harm(tmp_path: Path, seed: int) -> None:
    disk, dice = Disk(), Random(seed)
    database = await opened(tmp_path / "a.db", disk)
    await database.write(add, "first")
    await database.close()  # which removes the log
    database = await opened(tmp_path / "a.db", disk, durable=False)
    await database.write(add, "perhaps")
    await crash(database, disk, dice, dice.choice((0.0, 0.5)))
    database = await opened(tmp_path / "a.db", disk)
    assert (await database.read(names))[0] == "first"
    await database.close()


async def test_what_a_killed_process_left_is_lost_with_the_power_all_the_same(tmp_path: Path) -> None:
    disk = Disk()
    await (await opened(tmp_path / "a.db", disk)).close()
    database = await opened(tmp_path / "a.db", disk, durable=False)
    await database.write(add, "gone")
    await crash(database, disk, None)
    database = await opened(tmp_path / "a.db", disk, durable=False)
    assert await database.read(names) == ["gone"]
    await crash(database, disk, Random(1))
    database = await opened(tmp_path / "a.db", disk)
    assert await database.read(names) == []
    await database.close()


@pytest.mark.parametrize("seed", range(10))
async def test_a_log_that_was_removed_does_not_come_back_once_another_was_synced(
    tmp_path: Path, seed: int
) -> None:
    disk = Disk()
    database = await opened(tmp_path / "a.db", disk)
    await database.write(add, "first")
    await database.close()
    database = await opened(tmp_path / "a.db", disk)
    await crash(database, disk, None)
    database = await opened(tmp_path / "a.db", disk)
    await database.write(add, "second")
    await crash(database, disk, Random(seed))
    database = await opened(tmp_path / "a.db", disk)
    assert await database.read(names) == ["first", "second"]
    await database.close()


async def test_a_process_of_two_that_is_killed_does_not_hinder_the_other(tmp_path: Path) -> None:
    disk = Disk()
    mounts = disk.mount(), disk.mount()
    one, other = [
        await Sqlite.open(tmp_path / "a.db", now=START, threaded=False, vfs=mount.name) for mount in mounts
    ]
    await one.write(add, "a")
    await other.write(add, "b")
    mounts[0].cut = True
    with pytest.raises(Refused):
        await one.write(add, "too late")
    await one.close()
    await other.write(add, "c")
    assert await other.read(names) == ["a", "b", "c"]
    await crash(other, disk, Random(1))
    database = await opened(tmp_path / "a.db", disk)
    assert await database.read(names) == ["a", "b", "c"]
    await database.close()
