"""Whose turn it is to write, among processes: two advisory locks on files beside the database.

Who wants to write enters through the door and waits in it until the room is free; so whoever has just left the room, and
wants in again at once, finds somebody in the door and does not overtake. The system lets go of the locks of a process that
dies. Who waits looks again whenever somebody has left, and now and then, because a lock that blocks cannot be given up, and a
process that was stopped while it holds one would stop all others for ever.

Turns are counted, in memory that all processes share, so that whoever is told of some writers' work by other means can see
whether anybody else has written. There stands as well whether a sync has failed and what that left has not been put right:
the process that met it may be gone before it can.
"""

from __future__ import annotations

import fcntl
import mmap
import os
from pathlib import Path

from correo.storage.db.bell import Bell

LOOK_AGAIN = 0.002  # seconds: two turns, for one of which nobody rang because its process died
TURNS, STRANGERS, DOUBTS, SETTLED = 0, 1, 2, 3  # of the counters
COUNTERS = 32  # octets


class Turns:
    """`announced`: this process tells those who want to know what it wrote; all others are strangers to each other."""

    def __init__(self, path: Path, *, announced: bool = False) -> None:
        self._door = _open(f"{path}-turn")
        self._room = _open(f"{path}-lock")
        self._announced = announced
        self._taken = 0
        self.held = False  # the turn is ours
        if os.fstat(self._room).st_size < COUNTERS:
            os.truncate(self._room, COUNTERS)
        memory = mmap.mmap(self._room, COUNTERS)
        self._counters = memoryview(memory).cast("Q")
        self._bell = Bell(memory, TURNS)

    @property
    def of_strangers(self) -> int:
        """Grows with each turn of a process whose work is not announced."""
        return self._counters[STRANGERS]

    @property
    def of_others(self) -> int:
        """Grows with each turn of any other process."""
        return self._counters[TURNS] - self._taken

    @property
    def in_doubt(self) -> bool:
        """Whether a sync has failed, of this process or another, since the log was last known to be on the disk."""
        return self._room >= 0 and self._counters[DOUBTS] != self._counters[SETTLED]

    @property
    def doubts(self) -> int:
        return self._counters[DOUBTS]

    def doubt(self) -> None:
        """A sync of the log has failed. From any thread, and without the turn."""
        self._counters[DOUBTS] += 1

    def settle(self, doubts: int) -> None:
        """All is well again, as far as there were so many `doubts` when that began."""
        self._counters[SETTLED] = doubts

    def try_take(self) -> bool:
        """Take the turn if nobody has it or waits for it."""
        if not _try(self._door):
            return False
        try:
            return _try(self._room) and self._begin()
        finally:
            fcntl.flock(self._door, fcntl.LOCK_UN)

    def take(self, patience: float) -> bool:
        """Wait for the turn; False where nobody else left for about `patience` seconds, at each lock. For threads."""
        if not self._wait(self._door, patience):
            return False
        try:
            return self._wait(self._room, patience) and self._begin()
        finally:
            fcntl.flock(self._door, fcntl.LOCK_UN)
            self._bell.ring()

    def release(self) -> None:
        self._count()  # what was committed can be seen now
        self.held = False
        fcntl.flock(self._room, fcntl.LOCK_UN)
        self._bell.ring()

    def _wait(self, descriptor: int, patience: float) -> bool:
        while True:
            seen = self._bell.count  # before the look: who leaves after it has changed the count
            if _try(descriptor):
                return True
            if patience <= 0:
                return False
            patience -= self._bell.wait(seen, LOOK_AGAIN)

    def _begin(self) -> bool:
        self._count()  # now, too: a process that is killed after its commit would not come to count it
        self.held = True
        return True

    def _count(self) -> None:
        """Nobody else does meanwhile: the turn is ours."""
        self._taken += 1
        self._counters[TURNS] += 1
        if not self._announced:
            self._counters[STRANGERS] += 1

    def close(self) -> None:
        self._bell.close()
        self._counters.release()
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
