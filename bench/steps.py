"""Steps that servers which run side by side do in turn: A B, A B, A B, so that whatever the machine is busy with hits all of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from resting import calm
from row import Figure, Running, named


class Place(Protocol):
    """One of the servers, with whoever is connected to it."""

    @property
    def server(self) -> Running: ...


P = TypeVar("P", bound=Place)


@dataclass(frozen=True, slots=True)
class Step(Generic[P]):
    """`before` and `after` are not timed."""

    name: str
    work: Callable[[P], int]  # what was done, in `unit`s
    unit: str = ""  # "" for one command, whose milliseconds are shown; else what is counted a second
    before: Callable[[P], object] | None = None
    after: Callable[[P], object] | None = None
    again: bool = False  # may be measured several times: leaves everything as it was


def in_turn(steps: Sequence[Step[P]], places: Sequence[P], samples: int) -> Iterator[Figure]:
    """Nothing is timed before all servers rest."""
    for step in steps:
        for _ in range(samples if step.again else 1):
            for place in places:
                with named(place.server, step.name):
                    yield _measure(step, place, [one.server for one in places])


def _measure(step: Step[P], place: P, servers: Sequence[Running]) -> Figure:
    if step.before:
        step.before(place)
    calm(servers)
    before, start = place.server.cpu(), time.perf_counter()
    done = step.work(place)
    seconds = time.perf_counter() - start
    cpu = (place.server.cpu() - before) / done * 1e3
    memory = place.server.memory()
    if step.after:
        step.after(place)
    value, unit = (done / seconds, f"{step.unit}/s") if step.unit else (seconds / done * 1e3, "ms")
    return Figure(step.name, place.server.name, value, unit, cpu, memory)
