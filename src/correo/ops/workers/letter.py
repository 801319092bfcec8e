"""What a worker is told when it is born: its place and its seat, and the numbers of what it has inherited."""

from __future__ import annotations

import os
import socket
from collections.abc import MutableMapping
from dataclasses import dataclass

import msgspec

from correo.net.board import Board
from correo.net.kin import Kin

VARIABLE = "CORREO_WORKER"  # in the environment; it holds no secret
READY, RELOADED = b"1", b"2"  # what a worker tells the master


@dataclass(frozen=True, slots=True)
class Letter:
    """Descriptors, but for the first four."""

    place: int
    places: int
    seat: int
    seats: int
    listeners: list[int]
    inbox: int
    outboxes: list[int]  # by seat
    board: int
    configuration: (
        int  # a file in memory with the text of the configuration as it was when the master was born
    )
    line: int  # to the master: his end is closed when he dies

    def write(self) -> str:
        return msgspec.json.encode(self).decode()

    @property
    def inherited(self) -> list[int]:
        return [*self.listeners, self.inbox, *self.outboxes, self.board, self.configuration, self.line]

    def sockets(self) -> list[socket.socket]:
        """What to accept on."""
        return [_socket(descriptor) for descriptor in self.listeners]

    def first_configuration(self) -> str:
        """Raises OSError."""
        size = os.fstat(self.configuration).st_size
        return os.pread(self.configuration, size, 0).decode()

    def open_board(self) -> Board:
        return Board(self.board, self.seats, len(self.listeners))

    def open_kin(self, board: Board) -> Kin:
        return Kin(
            board, self.seat, [_socket(descriptor) for descriptor in self.outboxes], _socket(self.inbox)
        )

    def open_line(self) -> socket.socket:
        return _socket(self.line)


def open_letter(environment: MutableMapping[str, str]) -> Letter | None:
    """The letter, where there is one; nobody whom we start will find it again. Raises ValueError."""
    text = environment.pop(VARIABLE, "")
    if not text:
        return None
    letter = msgspec.json.decode(text, type=Letter)
    for descriptor in letter.inherited:
        os.set_inheritable(descriptor, False)
    return letter


def _socket(descriptor: int) -> socket.socket:
    sock = socket.socket(fileno=descriptor)
    sock.setblocking(False)
    return sock
