"""One seed, from beginning to end; the same seed always goes the same way."""

from __future__ import annotations

import asyncio
import gc
import logging
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import structlog
from structlog.typing import EventDict
from tests.journeys.in_place import InPlace
from tests.simulation.books import Broken
from tests.simulation.process import Process, note_tasks
from tests.simulation.world import Outcome, Plan, World

from correo.clock.virtual import run
from correo.mail.errors import Refused

SHARED_MEMORY = Path("/dev/shm")


def _overhear(logger: Any, method: str, event: EventDict) -> EventDict:
    """A fault of ours that is only logged is one all the same."""
    process, error = Process.current(), sys.exception()
    if event.get("exc_info") and process and not process.dead and not isinstance(error, Refused):
        process.faults.append(error or RuntimeError(event["event"]))
    raise structlog.DropEvent


def simulate(plan: Plan) -> Outcome:
    """Raises Broken, which says the seed and the virtual time."""
    structlog.configure(
        processors=[_overhear], wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR)
    )

    async def tell(folder: str) -> Outcome:
        loop = asyncio.get_running_loop()
        loop.set_task_factory(note_tasks)
        loop.set_default_executor(InPlace(1))
        world = World(Path(folder), plan)
        try:
            return await world.run()
        except Broken as broken:
            hours, seconds = divmod(loop.time(), 3600)
            when = f"after {hours:.0f} h {seconds:.6f} s; again: {plan.command}"
            raise Broken(broken.law, f"{broken.words} (seed {plan.seed}, {when})") from broken

    # Next to nothing lies in cycles, and to look for them costs a tenth of the time.
    usual = gc.get_threshold()
    gc.set_threshold(100_000, 20, 100)
    where = str(SHARED_MEMORY) if SHARED_MEMORY.is_dir() else None
    try:
        with TemporaryDirectory(prefix="correo-world-", dir=where) as folder:
            outcome: Outcome = run(tell(folder))
            return outcome
    finally:
        gc.set_threshold(*usual)
        structlog.reset_defaults()
