"""What a row of the table is. A new one is one file in `bench/rows/` with a ROW in it, and its name in `bench/run.py`.

A row measures round by round: `round` does one of them, with new servers, and yields a `Figure` for whatever it has measured of
whichever server. The table takes medians over the rounds and sets figures of the same `what` side by side.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, TypeVar

OURS = "Correo"
SHARE = "of it"  # the unit of a part of something, of which more is better


@dataclass(frozen=True, slots=True)
class Figure:
    what: str
    server: str
    value: float
    unit: str  # "messages/s" and the like, of which more is better, or SHARE, or what one should be short of: "ms", "KiB"
    cpu: float | None = (
        None  # milliseconds of processor for one of what is counted, of all processes of the server
    )
    memory: float | None = None  # MB of all its processes after it; what they share counts once
    client: float | None = None  # share of one core that the client took


@dataclass(frozen=True, slots=True)
class Goal:
    """What we want. `times` is how many times better than the peer."""

    times: float | None = None
    least: float | None = None
    most: float | None = None
    cpu: float | None = None  # at most so many milliseconds of processor


@dataclass(frozen=True, slots=True)
class Given:
    """How this run is to measure."""

    quick: bool = False  # to try something out: as little as shows that the row works
    peers: bool = True
    directory: Path | None = None  # the disk that is measured
    fsync: str = "always"  # Dovecot's mail_fsync: as it is shipped, "optimized", it does not sync flags and what is deleted

    def size(self, full: int, quick: int) -> int:
        return quick if self.quick else full


class Peer(Protocol):
    """The class of a server that may not be installed."""

    name: str

    @staticmethod
    def missing() -> str: ...


@dataclass(frozen=True, slots=True)
class Row:
    name: str
    title: str
    how: str  # what is measured and what is not, for people who read the table
    round: Callable[
        [Given, int], Iterator[Figure]
    ]  # the number tells the rounds apart: no two with the same messages
    peers: Sequence[type[Peer]] = ()
    goals: Mapping[str, Goal] = field(default_factory=dict)  # by `what`
    rounds: int = 3
    missing: Callable[[], str] = lambda: ""  # why the row cannot be measured at all; "" when it can


def more_is_better(unit: str) -> bool:
    return unit.endswith("/s") or unit == SHARE


class Running(Protocol):
    name: str

    def start(self) -> None: ...
    def stop(self) -> None: ...
    def cpu(self) -> float: ...
    def memory(self) -> float: ...


S = TypeVar("S", bound=Running)
Maker = Callable[[Path], S]


def makers(given: Given, ours: Maker[S], theirs: Sequence[tuple[type[Peer], Maker[S]]]) -> list[Maker[S]]:
    """Ours, and of the others those that can be measured here."""
    return [ours, *(make for peer, make in theirs if given.peers and not peer.missing())]


@contextmanager
def scratch(given: Given) -> Iterator[Path]:
    """A folder for the data of servers, gone afterwards. Their processes are not root, so it is open."""
    with tempfile.TemporaryDirectory(dir=given.directory, prefix="correo-bench-") as name:
        os.chmod(name, 0o755)
        yield Path(name)


@contextmanager
def running(given: Given, make: Sequence[Maker[S]]) -> Iterator[list[S]]:
    """The servers, started, each in a folder of its own."""
    with scratch(given) as folder:
        servers = [one(folder / str(number)) for number, one in enumerate(make)]
        try:
            for server in servers:
                server.start()
            yield servers
        finally:
            for server in servers:
                server.stop()


@contextmanager
def named(server: Running, what: str) -> Iterator[None]:
    """Whatever fails within tells at which server and at what it was."""
    try:
        yield
    except (OSError, RuntimeError) as error:
        raise RuntimeError(f"{server.name}, {what}: {error}") from error
