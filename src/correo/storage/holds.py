"""What one process at a time may have: a number that is held, and let go of by the system when its holder dies.

Each number is an octet of one file, and held by a lock on it. Nothing is ever written there, so the file stays empty, and nothing
has to be cleaned up.

Where the file is removed while it is in use, who comes next makes another, in which nobody holds anything. So whoever makes it says that it
is in doubt, until those who live have had the time to see it and to hold theirs there.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

DOUBT = 1 << 62  # held as long as somebody who lives may hold his numbers in a file that was removed


class Holds:
    """The numbers from 0 to 2**62 that this process holds. One of these for each file in a process, or the first that is closed
    lets go of all (fcntl(2))."""

    def __init__(self, path: Path) -> None:
        """Raises OSError."""
        self._path = path
        self._held: set[int] = set()
        self._file = self._open()
        self.followed = 0  # how many times the file was another

    def _open(self) -> int:
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
        try:
            file = os.open(self._path, flags | os.O_EXCL, 0o600)
        except FileExistsError:
            return os.open(self._path, flags, 0o600)
        if _lock(file, DOUBT):
            self._held.add(DOUBT)
        return file

    def in_doubt(self) -> bool:
        """Whether a number that can be taken may be held nevertheless."""
        if DOUBT in self._held:
            return True
        free = self.take(DOUBT)
        self.give(DOUBT)
        return not free

    def settle(self) -> None:
        """All who live hold theirs in this file. Nothing happens where somebody else has made it."""
        self.give(DOUBT)

    def follow(self) -> bool:
        """Hold what is held in the file that is there now; whether it is another than it was. Raises OSError."""
        if self._is_there():
            return False
        before, held = self._file, self._held
        self._held = set()
        try:
            self._file = self._open()
        except OSError:
            self._held = held
            raise
        self._held |= {number for number in held - {DOUBT} if _lock(self._file, number)}
        os.close(before)
        self.followed += 1
        return True

    def _is_there(self) -> bool:
        try:
            return os.path.samestat(os.stat(self._path), os.fstat(self._file))
        except FileNotFoundError:
            return False

    def take(self, number: int) -> bool:
        """Whether it is ours now, and was nobody's before: not of another process, and not of this one either."""
        if number in self._held:
            return False
        if not _lock(self._file, number):
            return False
        self._held.add(number)
        return True

    def give(self, number: int) -> None:
        """Let go of it; nothing happens where it is not ours."""
        if number in self._held:
            self._held.remove(number)
            fcntl.lockf(self._file, fcntl.LOCK_UN, 1, number)

    def close(self) -> None:
        """Let go of all."""
        self._held.clear()
        if self._file >= 0:
            os.close(self._file)
        self._file = -1


def _lock(file: int, number: int) -> bool:
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, number)
    except (BlockingIOError, PermissionError):
        return False
    return True
