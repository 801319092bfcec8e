"""Each kind of error once, injected into the system calls of a real server."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.faults import calls
from tests.faults.world import world_at
from tests.interop.programs import path_of

pytestmark = pytest.mark.crash

SECONDS = 0.3  # each error lasts, and until it was met


@pytest.fixture(autouse=True)
def tracing() -> None:
    path_of("strace")
    if reason := calls.reason_against():
        pytest.skip(reason)  # a container may forbid it, wherever its tests run


async def test_what_is_promised_is_kept_and_what_cannot_be_done_is_put_off(tmp_path: Path) -> None:
    once = tuple(fault for fault in calls.FAULTS if not fault.longer)
    outcome = await calls.run(tmp_path, 7, 1, seconds=SECONDS, faults=once)
    assert all(told.injected for told in outcome.told)
    assert not any(told.ended for told in outcome.told)


@pytest.mark.parametrize(("workers", "faults"), [(1, calls.OPENINGS), (2, calls.SHARED_OPENINGS)])
async def test_a_server_that_cannot_start_says_so_and_ends_and_starts_later(
    tmp_path: Path, workers: int, faults: tuple[calls.Fault, ...]
) -> None:
    async with world_at(tmp_path, 7, workers=workers) as world:
        for fault in faults:
            assert await calls.open_with(world, fault) == calls.EX_TEMPFAIL
        await world.server.start()
        world.begin()
        await calls.promised_again(world, "the start")
        await world.rest()
        await world.server.stop()
