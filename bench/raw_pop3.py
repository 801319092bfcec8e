"""A POP3 client that is never what limits: it counts ends of answers and parses nothing."""

from __future__ import annotations

import socket
from collections.abc import Sequence

BUFFER = 1024 * 1024  # octets of one read
SECONDS = 300.0  # that one batch of commands may take
LINE = b"\r\n"
LINES = b"\r\n.\r\n"  # stands nowhere within a message, because its dots are doubled


class RawPop3:
    """One connection. A server that refuses ends the benchmark."""

    def __init__(self, host: str, port: int) -> None:
        self._socket = socket.create_connection((host, port), timeout=SECONDS)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._buffer = bytearray(BUFFER)
        self._view = memoryview(self._buffer)
        self._await(1, LINE)

    def login(self, user: str, password: str) -> None:
        self.line(f"USER {user}")
        self.line(f"PASS {password}")

    def line(self, *commands: str) -> int:
        """Send them all at once; octets of the answers, each of one line."""
        return self._send(commands, LINE)

    def lines(self, *commands: str) -> int:
        """The same for answers of many lines."""
        return self._send(commands, LINES)

    def quit(self) -> None:
        self.line("QUIT")
        self._socket.close()

    def _send(self, commands: Sequence[str], end: bytes) -> int:
        self._socket.sendall("".join(f"{command}\r\n" for command in commands).encode())
        return self._await(len(commands), end)

    def _await(self, answers: int, end: bytes) -> int:
        total = 0
        kept = b""  # the last octets of what was read before, in which an end may have begun
        while answers:
            count = self._socket.recv_into(self._view)
            if not count:
                raise RuntimeError("the server hung up")
            if not kept and self._buffer[:1] == b"-":
                raise RuntimeError(f"the server said {bytes(self._view[: min(count, 200)])!r}")
            total += count
            # Within what was kept there is no end: it is shorter by one.
            answers -= self._buffer.count(end, 0, count) + (kept + self._view[: len(end) - 1]).count(end)
            kept = (kept + self._view[:count])[1 - len(end) :]
        return total
