"""Whose turn it is to write, among processes: two advisory locks on files beside the database.

Who wants to write enters through the door and waits in it until the room is free; so whoever has just left the room, and
wants in again at once, finds somebody in the door and does not overtake. The system lets go of the locks of a process that
dies. Waiting is by looking again, because a lock that blocks cannot be given up, and a process that was stopped while it
holds one would stop all others for ever.
"""

from __future__ import annotations

import fcntl
import os
import threading
from pathlib import Path

LOOK_AGAIN = 0.0002  # seconds: a fraction of a turn, which is about a millisecond


class Turns:
    def __init__(self, path: Path) -> None:
        self._door = _open(f"{path}-turn")
        self._room = _open(f"{path}-lock")

    def try_take(self) -> bool:
        """Take the turn if nobody has it or waits for it."""
        if not _try(self._door):
            return False
        try:
            return _try(self._room)
        finally:
            fcntl.flock(self._door, fcntl.LOCK_UN)

    def take(self, patience: float) -> bool:
        """Wait for the turn; False where it did not come within about `patience` seconds at each lock. For threads."""
        if not _wait(self._door, patience):
            return False
        try:
            return _wait(self._room, patience)
        finally:
            fcntl.flock(self._door, fcntl.LOCK_UN)

    def release(self) -> None:
        fcntl.flock(self._room, fcntl.LOCK_UN)

    def close(self) -> None:
        for descriptor in (self._door, self._room):
            if descriptor >= 0:
                os.close(descriptor)
        self._door = self._room = -1


def _open(name: str) -> int:
    return os.open(name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _try(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _wait(descriptor: int, patience: float) -> bool:
    never = threading.Event()
    for _ in range(int(patience / LOOK_AGAIN)):
        if _try(descriptor):
            return True
        never.wait(LOOK_AGAIN)
    return _try(descriptor)
