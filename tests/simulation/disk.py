"""A disk that forgets: what was written and not synced is gone, or partly gone, when the power fails.

SQLite reads and writes through it by its own interface for file systems. The files are real ones, so that a process that is killed
leaves all it wrote; beside each stands what would be left of it after a loss of power, and what has been written since.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count, pairwise
from random import Random
from typing import Any, TypeAlias

import apsw

SECTOR = 512  # octets that a disk writes whole or not at all; SQLite assumes no more
_WRITTEN_FOR_KEEPS = apsw.SQLITE_OPEN_MAIN_DB | apsw.SQLITE_OPEN_WAL | apsw.SQLITE_OPEN_MAIN_JOURNAL
_numbers = count(1)

Change: TypeAlias = tuple[int, bytes | None]  # where octets were written; None: the file was cut there


@dataclass(slots=True)
class Trace:
    """One file: what is durable of it, and what was done to it since."""

    durable: bytearray
    pending: list[Change] = field(default_factory=list)

    def sync(self) -> None:
        for where, octets in self.pending:
            _apply(self.durable, where, octets)
        self.pending.clear()

    def forget(self, dice: Random, share: float) -> bytes:
        """What a loss of power leaves: of each change since the last sync any sectors, about `share` of all."""
        for where, octets in self.pending:
            if octets is None:
                if dice.random() < share:
                    _apply(self.durable, where, None)
                continue
            for start, end in _sectors(where, where + len(octets)):
                if dice.random() < share:
                    _apply(self.durable, start, octets[start - where : end - where])
        self.pending.clear()
        return bytes(self.durable)


class Disk(apsw.VFS):
    """All files of one machine. `name` is what SQLite knows it by.

    `full`: there is no room for any write; `broken`: no sync succeeds. `fuse`: after so many writes and syncs the power fails, and
    `went_dark` is called. From then on nothing that is written arrives, until `restore`.
    """

    def __init__(self) -> None:
        self.name = f"disk{next(_numbers)}"
        super().__init__(self.name, "unix")
        self.full = False
        self.broken = False
        self.dark = False
        self.fuse: int | None = None
        self.went_dark: Callable[[], None] = lambda: None
        self.syncs = 0
        self.traces: dict[str, Trace] = {}

    def xOpen(self, name: Any, flags: list[int]) -> File:
        trace = None
        if name is not None and flags[0] & _WRITTEN_FOR_KEEPS:
            path = name if isinstance(name, str) else name.filename()
            trace = self.traces.get(path)
            if trace is None:
                trace = self.traces[path] = Trace(bytearray(_contents(path)))
        return File(self, trace, name, flags)

    def xDelete(self, filename: str, syncdir: bool) -> None:
        if not self.dark:
            self.traces.pop(filename, None)
            super().xDelete(filename, syncdir)

    def sync(self, path: str) -> None:
        """As fsync of that file, by somebody who is not SQLite."""
        if not self.dark and (trace := self.traces.get(path)):
            trace.sync()

    def goes_dark(self) -> bool:
        """Before each write and sync: whether it goes nowhere."""
        if self.fuse is not None and not self.dark:
            self.fuse -= 1
            if self.fuse < 0:
                self.fuse = None
                self.lose_power()
        return self.dark

    def lose_power(self) -> None:
        if not self.dark:
            self.dark = True
            self.went_dark()

    def restore(self, dice: Random | None, share: float = 0.0) -> None:
        """The machine starts again; nobody has a file open. With `dice`, what was not synced is gone but for about `share` of it."""
        for path, trace in self.traces.items():
            if dice is not None and os.path.exists(path):
                with open(path, "wb") as file:
                    file.write(trace.forget(dice, share))
        self.traces.clear()
        self.dark = False
        self.fuse = None


class File(apsw.VFSFile):
    def __init__(self, disk: Disk, trace: Trace | None, name: Any, flags: list[int]) -> None:
        super().__init__("unix", name, flags)
        self._disk = disk
        self._trace = trace

    def xWrite(self, data: bytes, offset: int) -> None:
        if self._disk.goes_dark():
            return
        if self._disk.full:
            raise apsw.FullError("no room is left")
        super().xWrite(data, offset)
        if self._trace:
            self._trace.pending.append((offset, bytes(data)))

    def xTruncate(self, newsize: int) -> None:
        if self._disk.goes_dark():
            return
        super().xTruncate(newsize)
        if self._trace:
            self._trace.pending.append((newsize, None))

    def xSync(self, flags: int) -> None:
        """Nothing is really synced: that of a real disk takes time, and proves nothing."""
        if self._disk.goes_dark():
            return
        if self._disk.broken:
            raise apsw.IOError("the disk does not answer")
        self._disk.syncs += 1
        if self._trace:
            self._trace.sync()


def _apply(image: bytearray, where: int, octets: bytes | None) -> None:
    if octets is None:
        del image[where:]
        return
    if len(image) < where:
        image.extend(bytes(where - len(image)))  # a hole
    image[where : where + len(octets)] = octets


def _sectors(start: int, end: int) -> list[tuple[int, int]]:
    """The parts of a range that lie in one sector each."""
    cuts = [start, *range(start - start % SECTOR + SECTOR, end, SECTOR), end]
    return list(pairwise(cuts))


def _contents(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        return b""
