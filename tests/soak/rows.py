"""The rows by name, each in full or as it is run with all other tests."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.soak import (
    row_crowd,
    row_descriptors,
    row_drain,
    row_far,
    row_hour,
    row_stall,
    row_steady,
    row_tls,
)
from tests.soak.table import Row


@dataclass(frozen=True, slots=True)
class Size:
    """How much is asked of the server in the full runs."""

    minutes: float = 10.0  # of steady load
    connections: int = 4_000  # of the crowd; or as many as the system lets one process have
    handshakes: int = 100_000


FULL = Size()
Run = Callable[[Path, Size], Row]


@dataclass(frozen=True, slots=True)
class Entry:
    about: str
    full: Run
    small: Callable[[Path], Row] | None  # None where another is enough


def _crowd(folder: Path, size: Size) -> Row:
    return asyncio.run(row_crowd.run(folder, connections=size.connections, work=500))


def _crowd_2(folder: Path, size: Size) -> Row:
    return asyncio.run(row_crowd.run(folder, connections=size.connections, work=500, workers=2))


def _steady(folder: Path, size: Size) -> Row:
    return asyncio.run(row_steady.run(folder, seconds=size.minutes * 60))


def _steady_2(folder: Path, size: Size) -> Row:
    return asyncio.run(row_steady.run(folder, seconds=size.minutes * 60, workers=2))


ROWS = {
    "crowd": Entry(
        "thousands of idle, slow and hostile connections around a few busy ones",
        _crowd,
        None,
    ),
    "crowd2": Entry(
        "the same, two workers",
        _crowd_2,
        lambda folder: asyncio.run(row_crowd.run(folder, connections=250, work=30, workers=2)),
    ),
    "descriptors": Entry(
        "more connections than descriptors",
        lambda folder, _: asyncio.run(row_descriptors.run(folder, letters=50)),
        lambda folder: asyncio.run(row_descriptors.run(folder, letters=3)),
    ),
    "drain": Entry(
        "reload, upgrade and stop under load",
        lambda folder, _: asyncio.run(row_drain.run(folder, seconds=5)),
        lambda folder: asyncio.run(row_drain.run(folder, seconds=0.2)),
    ),
    "far": Entry(
        "far servers that stop in the midst of a message",
        lambda folder, _: asyncio.run(row_far.run(folder, letters=200)),
        lambda folder: asyncio.run(row_far.run(folder, letters=10, lines=20_000)),
    ),
    "hour": Entry(
        "objects counted over two days of virtual time",
        lambda folder, _: row_hour.run(folder, hours=48),
        lambda folder: row_hour.run(folder, hours=2),
    ),
    "stall": Entry(
        "clients that stop reading in the midst of large answers",
        lambda folder, _: asyncio.run(row_stall.run(folder, megabytes=100, work=200)),
        lambda folder: asyncio.run(row_stall.run(folder, megabytes=8, work=8, patience=1)),
    ),
    "steady": Entry(
        "memory under minutes of mixed load",
        _steady,
        lambda folder: asyncio.run(row_steady.run(folder, seconds=3, filling=0, noise=30.0)),
    ),
    "steady2": Entry(
        "the same, two workers",
        _steady_2,
        None,
    ),
    "tls": Entry(
        "TLS begun and ended a hundred thousand times",
        lambda folder, size: asyncio.run(row_tls.run(folder, handshakes=size.handshakes)),
        lambda folder: asyncio.run(row_tls.run(folder, handshakes=600, parts=2)),
    ),
}
