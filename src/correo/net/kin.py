"""Word between the workers of one service: what one of them says, every other hears within a turn of its event loop.

Each seat has an inbox, a pair of sockets that everybody may write to and its worker reads. Who does not read, because he is busy or
was stopped, holds nobody up: what does not fit is left out, and once there is room he is told that he missed something.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable, Sequence
from typing import Any, ParamSpec

import msgspec
import structlog

from correo.net.board import Board

P = ParamSpec("P")
Word = tuple[str, tuple[Any, ...]]  # a subject, and what is said about it

MAX_PACKET = 64 * 1024  # octets, well below what a socket holds
WORDS = 256  # in one packet; with what is said here, a few KB
PACKETS = 64  # read at a time, before somebody else has his turn
MISSED: Word = ("missed", ())

log = structlog.get_logger("net")


def make_inbox() -> tuple[socket.socket, socket.socket]:
    """The end that is read, and the one that is written. Raises OSError."""
    inbox, outbox = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    inbox.setblocking(False)
    outbox.setblocking(False)
    return inbox, outbox


class Kin:
    """One worker's part. `outboxes` by seat; without an `inbox` nothing is heard, for the one who only looks after them."""

    def __init__(
        self, board: Board, seat: int, outboxes: Sequence[socket.socket], inbox: socket.socket | None = None
    ) -> None:
        self._board = board
        self._seat = seat
        self._outboxes = outboxes
        self._inbox = inbox
        self._heard: dict[str, Callable[..., None]] = {}
        self._said: list[Word] = []
        self._behind: set[int] = set()  # seats that will be told that they missed something

    def share(self, subject: str, hear: Callable[P, None]) -> Callable[P, None]:
        """What tells the others: they call their `hear` of the same subject. The arguments are numbers, texts and octets."""
        self._heard[subject] = hear

        def tell(*args: P.args, **_: P.kwargs) -> None:
            if not self._said:
                asyncio.get_running_loop().call_soon(self._flush)
            self._said.append((subject, args))

        return tell

    def start(self, missed: Callable[[], None]) -> None:
        """Hear from now on; `missed` is called when not everything was heard. What was meant for somebody who sat here before goes."""
        assert self._inbox is not None
        self._heard[MISSED[0]] = missed
        with contextlib.suppress(BlockingIOError):
            while self._inbox.recv(MAX_PACKET):
                pass
        self._board.sit(self._seat)
        asyncio.get_running_loop().add_reader(self._inbox, self._hear)

    def close(self) -> None:
        """Say what is still unsaid, and hear no more."""
        self._flush()
        loop = asyncio.get_running_loop()
        for seat in self._behind:
            loop.remove_writer(self._outboxes[seat])
        self._behind.clear()
        if self._inbox is not None:
            loop.remove_reader(self._inbox)

    def alarm(self) -> None:
        """Tell everybody that something was missed: somebody died, perhaps before he could say what he had done."""
        for seat in self._others():
            self._send(seat, _encoded([MISSED]))

    def _others(self) -> list[int]:
        taken = self._board.taken
        return [seat for seat in range(len(self._outboxes)) if seat != self._seat and taken(seat)]

    def _flush(self) -> None:
        said, self._said = self._said, []
        for start in range(0, len(said), WORDS):
            packet = _packet(said[start : start + WORDS])
            for seat in self._others():
                self._send(seat, packet)

    def _send(self, seat: int, packet: bytes) -> None:
        if seat in self._behind:
            return
        try:
            self._outboxes[seat].send(packet)
        except BlockingIOError:
            self._behind.add(seat)
            asyncio.get_running_loop().add_writer(self._outboxes[seat], self._catch_up, seat)
        except OSError as error:
            log.error("a worker cannot be told anything", seat=seat, reason=str(error))

    def _catch_up(self, seat: int) -> None:
        try:
            self._outboxes[seat].send(_encoded([MISSED]))
        except BlockingIOError:
            return
        except OSError as error:
            log.error("a worker cannot be told anything", seat=seat, reason=str(error))
        asyncio.get_running_loop().remove_writer(self._outboxes[seat])
        self._behind.discard(seat)

    def _hear(self) -> None:
        assert self._inbox is not None
        for _ in range(PACKETS):
            try:
                packet = self._inbox.recv(MAX_PACKET)
            except BlockingIOError:
                return
            if not packet:  # there is nobody left who could say anything
                asyncio.get_running_loop().remove_reader(self._inbox)
                return
            self._understand(packet)

    def _understand(self, packet: bytes) -> None:
        """Who speaks may be of another version, during an upgrade: what is not understood was missed."""
        try:
            for subject, args in _decode(packet):
                self._heard[subject](*args)
        except (msgspec.MsgspecError, KeyError, TypeError) as error:
            log.warning("word of another worker is not understood", reason=str(error))
            self._heard[MISSED[0]]()


def _packet(words: list[Word]) -> bytes:
    """What cannot be said is at least known to have been missed."""
    try:
        packet = _encoded(words)
    except (UnicodeEncodeError, OverflowError, TypeError) as error:
        log.error("a word for other workers cannot be said", reason=str(error))
        return _encoded([MISSED])
    return packet if len(packet) <= MAX_PACKET else _encoded([MISSED])


_encoded = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[Word]).decode
