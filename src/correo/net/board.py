"""A board that all workers of one service see: who is there, how many connections each has, and how much memory they take.

Each worker has a seat with a row of its own, and writes nowhere else; whoever wants to know a sum adds up the rows. So there is
nothing to lock, and when a worker dies its row is wiped. Two who look at the same moment may both let somebody in: a limit can be
passed by as many as there are workers.
"""

from __future__ import annotations

import mmap
import os
from functools import lru_cache
from hashlib import blake2b

from correo.net.limits import Budget, ConnectionLimits, network_of

SECRET = 32  # octets at the beginning: a key that the workers have in common
CELL = 8  # octets of a number
# Networks are counted in so many cells. Two that share one are taken for one by the other workers, so these are a few times as many
# as networks are likely to be there; 128 KiB for each seat, of which the system gives those pages that are used.
CELLS = 16_384
# The first columns of a row. From the last on there is one for the open connections of each listener, then the networks.
TAKEN, MEMORY, OPEN = 0, 1, 2


class Board:
    """`descriptor`: a file in memory, as `make` makes it."""

    def __init__(self, descriptor: int, seats: int, listeners: int) -> None:
        self.descriptor = descriptor
        self.seats = seats
        self._networks = OPEN + listeners
        self._row = self._networks + CELLS
        self._map = mmap.mmap(descriptor, SECRET + seats * self._row * CELL)
        self.secret = self._map[:SECRET]
        self._cells = memoryview(self._map)[SECRET:].cast("Q")

    @classmethod
    def make(cls, seats: int, listeners: int, secret: bytes) -> Board:
        """Raises OSError."""
        descriptor = os.memfd_create("correo", os.MFD_CLOEXEC)
        os.truncate(descriptor, SECRET + seats * (OPEN + listeners + CELLS) * CELL)
        os.pwrite(descriptor, secret[:SECRET], 0)
        return cls(descriptor, seats, listeners)

    def sit(self, seat: int) -> None:
        """Somebody takes the seat: from now on he is told what happens."""
        self._cells[seat * self._row + TAKEN] = 1

    def wipe(self, seat: int) -> None:
        """Nobody is there any more."""
        start = SECRET + seat * self._row * CELL
        self._map[start : start + self._row * CELL] = bytes(self._row * CELL)

    def taken(self, seat: int) -> bool:
        return bool(self._cells[seat * self._row + TAKEN])

    def put(self, seat: int, column: int, value: int) -> None:
        self._cells[seat * self._row + column] = value

    def add(self, seat: int, column: int, value: int) -> None:
        self._cells[seat * self._row + column] += value

    def elsewhere(self, seat: int, column: int) -> int:
        """The sum over all other seats."""
        cells, row = self._cells, self._row
        return sum(cells[other * row + column] for other in range(self.seats) if other != seat)

    def column_of(self, listener: int, network: str) -> int:
        """Where connections of this network to this listener are counted. Nobody can tell who else is."""
        return self._networks + _cell(self.secret, listener, network)

    def close(self) -> None:
        self._cells.release()
        os.close(self.descriptor)


@lru_cache(maxsize=4096)
def _cell(secret: bytes, listener: int, network: str) -> int:
    digest = blake2b(f"{listener} {network}".encode(), key=secret, digest_size=CELL).digest()
    return int.from_bytes(digest, "big") % CELLS


class SharedLimits(ConnectionLimits):
    """`ConnectionLimits` for one listener of all workers together."""

    def __init__(self, total: int, by_network: int, board: Board, seat: int, listener: int) -> None:
        super().__init__(total, by_network)
        self._board = board
        self._seat = seat
        self._listener = listener

    def enter(self, address: str) -> bool:
        board, seat, network = self._board, self._seat, network_of(address)
        total = self.total - board.elsewhere(seat, OPEN + self._listener)
        column = board.column_of(self._listener, network) if network else 0
        by_network = self.by_network - board.elsewhere(seat, column) if network else 0
        if not self.has_room(network, total, by_network):
            return False
        board.add(seat, OPEN + self._listener, 1)
        if network:
            board.add(seat, column, 1)
        self.count(network)
        return True

    def leave(self, address: str) -> None:
        super().leave(address)
        self._board.add(self._seat, OPEN + self._listener, -1)
        if network := network_of(address):
            self._board.add(self._seat, self._board.column_of(self._listener, network), -1)


class SharedBudget(Budget):
    """`Budget` of all workers together."""

    __slots__ = ("_board", "_seat")

    def __init__(self, limit: int, board: Board, seat: int) -> None:
        super().__init__(limit)
        self._board = board
        self._seat = seat

    def take(self, size: int, share: float = 1.0) -> bool:
        if self.used + size > self.limit * share - self._board.elsewhere(self._seat, MEMORY):
            return False
        self.used += size
        self._board.put(self._seat, MEMORY, self.used)
        return True

    def give(self, size: int) -> None:
        super().give(size)
        self._board.put(self._seat, MEMORY, self.used)
