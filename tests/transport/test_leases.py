"""What a worker that died had claimed is taken over at once where the system says that it is dead, and later where nobody knows."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.transport.house import House, in_a_house
from tests.transport.test_worker import running

from correo import queue
from correo.mail.errors import Kind, Refused
from correo.mail.instant import HOUR, SECOND
from correo.storage.holds import Holds
from correo.transport.lanes import Part
from correo.transport.leases import LEASE, RENEW_SECONDS, SPARED, Leases

OTHER = f"{7:016x}"  # as a worker of another process calls itself
_HOLDING = """
import sys
from pathlib import Path
from correo.storage.holds import Holds
assert Holds(Path(sys.argv[1])).take(int(sys.argv[2]))
print("held", flush=True)
sys.stdin.read()
"""


@contextmanager
def another_process(path: Path) -> Iterator[None]:
    """That holds what OTHER holds while it lives."""
    process = subprocess.Popen(
        [sys.executable, "-c", _HOLDING, str(path), "7"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        try:
            yield
        finally:
            process.kill()


async def takes_back_in_its_time(house: House, holds: Path) -> None:
    """A new worker does, after the rounds in which those who may live are spared."""
    async with running(house.worker(holds=Holds(holds))):
        await asyncio.sleep(RENEW_SECONDS * SPARED - 10)
        assert house.transport.calls == []
        await asyncio.sleep(20)
        assert len(house.transport.calls) == 1


def test_the_dead_are_buried_at_once(tmp_path: Path) -> None:
    @in_a_house
    async def story(house: House) -> None:
        (tmp_path / "leases").touch()
        await house.put("bob@there.example")
        assert await house.claim(OTHER)
        async with running(house.worker(holds=Holds(tmp_path / "leases"))):
            await asyncio.sleep(3)
        assert len(house.transport.calls) == 1

    story()


def test_nothing_is_written_while_no_lease_has_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """An idle server lets the disk sleep."""

    @in_a_house
    async def story(house: House) -> None:
        noted: list[object] = []
        note = house.db.note

        async def overheard(op: Any, *args: Any, **kwargs: Any) -> Any:
            noted.append(op)
            return await note(op, *args, **kwargs)

        await house.put("bob@there.example")
        (bob,) = await house.claim(OTHER)
        monkeypatch.setattr(house.db, "note", overheard)
        async with running(house.worker()):
            await asyncio.sleep((bob.lease_until - house.clock.now()) / SECOND - 1)
            assert noted == []
            await asyncio.sleep(RENEW_SECONDS + 1)
            assert noted[0] is queue.recover
        assert len(house.transport.calls) == 1

    story()


def test_who_lives_keeps_what_he_has(tmp_path: Path) -> None:
    @in_a_house
    async def story(house: House) -> None:
        await house.put("bob@there.example")
        (bob,) = await house.claim(OTHER)
        async with running(house.worker(holds=Holds(tmp_path / "leases"))):
            with another_process(tmp_path / "leases"):
                await asyncio.sleep((bob.lease_until - house.clock.now()) / SECOND - 90)
                assert house.transport.calls == []
            await asyncio.sleep(90)
        assert len(house.transport.calls) == 1

    story()


def test_a_name_that_nobody_can_hold_lapses(tmp_path: Path) -> None:
    @in_a_house
    async def story(house: House) -> None:
        for owner in ("", "somebody", "-1", f"{1 << 62:x}"):
            await house.put("bob@there.example")
            (bob,) = await house.claim(owner)
            async with running(house.worker(holds=Holds(tmp_path / "leases"))):
                await asyncio.sleep(100)
                assert house.transport.calls == []
                await asyncio.sleep((bob.lease_until - house.clock.now()) / SECOND + 100)
                assert len(house.transport.calls) == 1
                house.transport.calls.clear()

    story()


def test_two_workers_of_one_process_see_each_other(tmp_path: Path) -> None:
    """As after a reload, when the one comes to its end and the other begins."""

    @in_a_house
    async def story(house: House) -> None:
        holds = Holds(tmp_path / "leases")
        house.transport.seconds = 100
        await house.put("bob@there.example")
        async with running(house.worker(holds=holds)):
            await asyncio.sleep(1)
            async with running(house.worker(holds=holds)):
                await asyncio.sleep(70)
        assert len(house.transport.calls) == 1

    story()


@in_a_house
async def test_no_name_is_too_long_to_be_held(house: House) -> None:
    names = [Leases(house.db, house.clock, house.chance, None, claims=True).owner for _ in range(200)]
    assert len(set(names)) == 200
    assert all(0 <= int(name, 16) < 1 << 62 for name in names)
    assert LEASE > 0


def test_a_clock_that_is_set_on_takes_nothing_from_who_lives(tmp_path: Path) -> None:
    @in_a_house
    async def story(house: House) -> None:
        holds = Holds(tmp_path / "leases")
        house.transport.seconds = 300
        other = house.worker(part=Part(2, claims=False), holds=holds)
        async with running(house.worker(part=Part(2), holds=holds)):
            await asyncio.sleep(30)  # so that he who claims is the first to look
            async with running(other):
                await house.put("bob@there.example", to=other)
                await asyncio.sleep(10)
                house.clock.advance(HOUR)
                await asyncio.sleep(300)
        assert len(house.transport.calls) == 1

    story()


def test_what_a_living_worker_does_not_prolong_is_taken_back_in_the_end(tmp_path: Path) -> None:
    @in_a_house
    async def story(house: House) -> None:
        await house.put("bob@there.example")
        with another_process(tmp_path / "leases"):
            (bob,) = await house.claim(OTHER)
            await asyncio.sleep((bob.lease_until - house.clock.now()) / SECOND + 1)
            await takes_back_in_its_time(house, tmp_path / "leases")

    story()


def test_rounds_in_which_nobody_can_write_count_for_nothing(tmp_path: Path) -> None:
    """While the disk is full nobody prolongs anything, and what was relayed cannot be settled."""

    @in_a_house
    async def story(house: House) -> None:
        holds = Holds(tmp_path / "leases")
        house.transport.seconds = 33  # then every 5, so that he who claims is first when there is room again
        other = house.worker(part=Part(2, claims=False), holds=holds)
        async with running(house.worker(part=Part(2), holds=holds)), running(other):
            await house.put("bob@there.example", to=other)
            with full_disk(house):
                await asyncio.sleep(LEASE / SECOND + 10 * RENEW_SECONDS - 1)
            await asyncio.sleep(2 * RENEW_SECONDS)
        assert len(house.transport.calls) == 1
        assert await house.queued() == []

    story()


@contextmanager
def full_disk(house: House) -> Iterator[None]:
    full = True

    def refusing(call: Callable[..., Any]) -> Callable[..., Any]:
        async def write(*args: Any, **kwargs: Any) -> Any:
            if full:
                raise Refused(Kind.UNAVAILABLE, "disk full")
            return await call(*args, **kwargs)

        return write

    for name in ("write", "note", "join"):
        setattr(house.db, name, refusing(getattr(house.db, name)))
    try:
        yield
    finally:
        full = False


def test_who_comes_into_the_place_of_the_dead_buries_him(tmp_path: Path) -> None:
    @in_a_house
    async def story(house: House) -> None:
        (tmp_path / "leases").touch()
        holds = Holds(tmp_path / "leases")
        async with running(house.worker(part=Part(2), holds=holds)):
            await asyncio.sleep(5)
            await house.put("bob@there.example")
            assert await house.claim(OTHER)
            await asyncio.sleep(1)
            async with running(house.worker(part=Part(2, claims=False), holds=holds)):
                await asyncio.sleep(3)
                assert len(house.transport.calls) == 1

    story()


def test_a_file_that_is_removed_makes_nobody_dead(tmp_path: Path) -> None:
    """Who comes before the others have seen it finds one in which nobody holds anything."""

    @in_a_house
    async def story(house: House) -> None:
        await house.put("bob@there.example")
        with another_process(tmp_path / "leases"):
            assert await house.claim(OTHER)
            (tmp_path / "leases").unlink()
            async with running(house.worker(holds=Holds(tmp_path / "leases"))):
                await asyncio.sleep(RENEW_SECONDS + 10)
                assert house.transport.calls == []

    story()


def test_who_lives_holds_what_is_his_in_the_new_file(tmp_path: Path) -> None:
    @in_a_house
    async def story(house: House) -> None:
        (tmp_path / "leases").touch()
        holds = Holds(tmp_path / "leases")
        async with running(house.worker(holds=holds)):
            await asyncio.sleep(5)
            (tmp_path / "leases").unlink()
            await asyncio.sleep(RENEW_SECONDS)
            assert (tmp_path / "leases").exists()
            assert holds.in_doubt()
            await asyncio.sleep(RENEW_SECONDS * SPARED)
            assert not holds.in_doubt()

    story()


def test_in_a_new_file_the_dead_are_buried_once_the_living_had_their_time(tmp_path: Path) -> None:
    @in_a_house
    async def story(house: House) -> None:
        await house.put("bob@there.example")
        assert await house.claim(OTHER)
        await takes_back_in_its_time(house, tmp_path / "leases")

    story()
