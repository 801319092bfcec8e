"""A disk that forgets: what was written and not synced is gone, or partly gone, when the power fails.

SQLite reads and writes through it by its own interface for file systems. The files are real ones, so that a process that is killed
leaves all it wrote; beside each stands what would be left of it after a loss of power, and what has been written since. What the
system promises of a directory is here, too: that files were made and removed is durable once a new one was synced.
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
FLAKY = 0.05  # of the writes and syncs of a disk that is failing
_WRITTEN_FOR_KEEPS = apsw.SQLITE_OPEN_MAIN_DB | apsw.SQLITE_OPEN_WAL | apsw.SQLITE_OPEN_MAIN_JOURNAL
_numbers = count(1)

Change: TypeAlias = tuple[int, bytes | None]  # where octets were written; None: the file was cut there


@dataclass(slots=True)
class Trace:
    """One file: what is durable of it, and what was done to it since."""

    durable: bytearray
    fresh: bool = False  # a loss of power may take the file itself
    pending: list[Change] = field(default_factory=list)

    def sync(self) -> None:
        self.fresh = False
        for where, octets in self.pending:
            _apply(self.durable, where, octets)
        self.pending.clear()

    def lose(self, dice: Random) -> None:
        """A sync failed: some of the changes are durable now, and of the others the system believes it."""
        for where, octets in self.pending:
            if dice.random() < 0.5:
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


class Disk:
    """All files of one machine.

    `full`: there is no room for any write; `broken`: no sync succeeds; `flaky`: some writes and syncs fail. As on Linux, a sync that
    fails tells of it once: what it left out stays so, unless it is written again, though the next sync succeeds.

    `fuse`: after so many writes and syncs the power fails, and `went_dark` is called. From then on nothing that is written arrives,
    until `restore`.
    """

    def __init__(self, seed: int | str = 0) -> None:
        self._dice = Random(f"disk {seed}")
        self._mounts: list[Mount] = []
        self._removed: dict[str, bytes] = {}  # files that a loss of power may bring back
        self.full = False
        self.broken = False
        self.flaky = False
        self.dark = False
        self.fuse: int | None = None
        self.went_dark: Callable[[], None] = lambda: None
        self.syncs = 0
        self.traces: dict[str, Trace] = {}

    def mount(self) -> Mount:
        """For one process."""
        mount = Mount(self)
        self._mounts.append(mount)
        return mount

    def unregister(self) -> None:
        for mount in self._mounts:
            mount.unregister()
        self._mounts.clear()

    def opened(self, path: str) -> Trace:
        if path not in self.traces:
            there = os.path.exists(path)
            self.traces[path] = Trace(bytearray(_contents(path)), fresh=not there)
        return self.traces[path]

    def removed(self, path: str, *, durably: bool) -> None:
        trace = self.traces.pop(path, None)
        if durably:
            self._removed.pop(path, None)
        elif trace and not trace.fresh:
            self._removed[path] = bytes(trace.durable)

    def sync(self, path: str) -> bool:
        """As fsync of that file; whether it succeeded."""
        trace = self.traces.get(path)
        if self.broken or self.fails():
            if trace:
                trace.lose(self._dice)
            return False
        self.syncs += 1
        if trace:
            if trace.fresh:
                self._removed.clear()  # SQLite syncs the directory with a file that is new
            trace.sync()
        return True

    def fails(self) -> bool:
        return self.flaky and self._dice.random() < FLAKY

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
        """The machine starts again; nobody has a file open. With `dice`, what was not synced is gone but for about `share` of it;
        without, it is there, and still not synced.
        """
        if dice is not None:
            for path, trace in self.traces.items():
                left = trace.forget(dice, share)
                if trace.fresh and dice.random() >= share:
                    _remove(path)
                elif os.path.exists(path):
                    _write(path, left)
            for path, octets in self._removed.items():
                if dice.random() >= share:
                    _write(path, octets)
            self._removed.clear()
            self.traces.clear()
        self.unregister()
        self.dark = False
        self.fuse = None


class Mount(apsw.VFS):
    """The disk as one process has it; `name` is what SQLite knows it by there. Once it is `cut`, the process is dead."""

    def __init__(self, disk: Disk) -> None:
        self.name = f"disk{next(_numbers)}"
        super().__init__(self.name, "unix")
        self.disk = disk
        self.cut = False

    @property
    def silent(self) -> bool:
        """Before each write and sync: whether it goes nowhere, without a word. Raises apsw.IOError in a process that is dead, or what
        it believes to have written would stand in the memory that it shares with others.
        """
        if self.disk.goes_dark():
            return True
        if self.cut:
            raise apsw.IOError("the process is dead")
        return False

    def xOpen(self, name: Any, flags: list[int]) -> File:
        path = name if isinstance(name, str) or name is None else name.filename()
        keeps = flags[0] & _WRITTEN_FOR_KEEPS
        return File(self, path if path and keeps else "", name, flags)

    def xDelete(self, filename: str, syncdir: bool) -> None:
        if not self.cut and not self.silent:
            self.disk.removed(filename, durably=syncdir)
            super().xDelete(filename, syncdir)


class File(apsw.VFSFile):
    def __init__(self, mount: Mount, path: str, name: Any, flags: list[int]) -> None:
        self._trace = mount.disk.opened(path) if path else None  # before it comes into being
        super().__init__("unix", name, flags)
        self._mount = mount
        self._disk = mount.disk
        self._path = path

    def xWrite(self, data: bytes, offset: int) -> None:
        if self._mount.silent:
            return
        if self._disk.full:
            raise apsw.FullError("no room is left")
        if self._disk.fails():
            self._write(data[: len(data) // 2], offset)
            raise apsw.IOError("the disk took half of it")
        self._write(data, offset)

    def _write(self, data: bytes, offset: int) -> None:
        super().xWrite(data, offset)
        if self._trace:
            self._trace.pending.append((offset, bytes(data)))

    def xTruncate(self, newsize: int) -> None:
        if self._mount.silent:
            return
        super().xTruncate(newsize)
        if self._trace:
            self._trace.pending.append((newsize, None))

    def xSync(self, flags: int) -> None:
        """Nothing is really synced: that of a real disk takes time, and proves nothing."""
        if not (self._mount.silent or self._disk.sync(self._path)):
            raise apsw.IOError("the disk does not answer")


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


def _write(path: str, octets: bytes) -> None:
    with open(path, "wb") as file:
        file.write(octets)


def _remove(path: str) -> None:
    if os.path.exists(path):
        os.unlink(path)
