"""What one process at a time may have: a number that is held, and let go of by the system when its holder dies.

Each number is an octet of one file, and held by a lock on it. Nothing is ever written there, so the file stays empty, and nothing
has to be cleaned up.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path


class Holds:
    """The numbers from 0 to 2**62 that this process holds. One of these for each file in a process, or the first that is closed
    lets go of all (fcntl(2))."""

    def __init__(self, path: Path) -> None:
        """Raises OSError."""
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._held: set[int] = set()

    def take(self, number: int) -> bool:
        """Whether it is ours now, and was nobody's before: not of another process, and not of this one either."""
        if number in self._held:
            return False
        try:
            fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, number)
        except (BlockingIOError, PermissionError):
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
