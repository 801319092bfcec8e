"""An IMAP client that is never what limits: it reads until the tagged line and parses nothing."""

from __future__ import annotations

import os
import socket
import ssl
import time
from collections.abc import Iterable, Sequence

BUFFER = 1024 * 1024  # octets of one read
LAST_LINE = 4096  # octets at the end of what was read in which the tagged line is looked for
SECONDS = 600.0  # that one command may take


class RawImap:
    """One connection. A server that refuses ends the benchmark."""

    def __init__(self, host: str, port: int, context: ssl.SSLContext | None = None) -> None:
        self._socket = socket.create_connection((host, port), timeout=SECONDS)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if context is not None:
            self._socket = context.wrap_socket(self._socket)
        self._buffer = bytearray(BUFFER)
        self._view = memoryview(self._buffer)
        self._tag = b"Zq%s" % os.urandom(4).hex().encode()  # no message ends in a line that begins so
        self._line()

    def command(self, text: str) -> int:
        """Octets of the answer, its tagged line included."""
        return self.send([self._tag, b" ", text.encode(), b"\r\n"])

    def answer(self, text: str) -> bytes:
        """The answer itself, for checks outside what is timed."""
        kept: list[bytes] = []
        self.send([self._tag, b" ", text.encode(), b"\r\n"], kept)
        return b"".join(kept)

    def append(self, mailbox: str, messages: Sequence[bytes]) -> int:
        """APPEND, of several messages as MULTIAPPEND (RFC 3502), with literals that wait for nothing (RFC 7888)."""
        parts = [self._tag, b" APPEND ", mailbox.encode()]
        for message in messages:
            parts += [b" {%d+}\r\n" % len(message), message]
        return self.send([*parts, b"\r\n"])

    def send(self, parts: Iterable[bytes], kept: list[bytes] | None = None) -> int:
        self._socket.sendall(b"".join(parts))
        total, end = 0, b""
        start = self._tag + b" "
        while True:
            count = self._socket.recv_into(self._view)
            if not count:
                raise RuntimeError(f"the server hung up after {end!r}")
            if kept is not None:
                kept.append(bytes(self._view[:count]))
            total += count
            end = (end + bytes(self._view[max(0, count - LAST_LINE) : count]))[-LAST_LINE:]
            if end.endswith(b"\r\n"):
                last = end[end.rfind(b"\r\n", 0, -2) + 2 :] if end.count(b"\r\n") > 1 else end
                if last.startswith(start):
                    if not last.startswith(b"OK ", len(start)):
                        raise RuntimeError(f"the server said {last!r}")
                    return total

    def logout(self) -> None:
        self.command("LOGOUT")
        self._socket.close()

    def _line(self) -> bytes:
        line = b""
        while not line.endswith(b"\r\n"):
            line += self._socket.recv(BUFFER)
        return line


def client_rate(octets: int = 2 * 1024**3) -> float:
    """Gigabytes a second that the client reads from something that only sends, in a process of its own."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        child = os.fork()
        if not child:
            _dummy(server, octets)
        server.close()
        client = RawImap("127.0.0.1", port)
        start = time.perf_counter()
        total = client.command("FETCH")
        seconds = time.perf_counter() - start
    os.waitpid(child, 0)
    return total / seconds / 1e9


def _dummy(server: socket.socket, octets: int) -> None:
    try:
        connection, _ = server.accept()
        connection.sendall(b"* OK\r\n")
        tag = connection.recv(BUFFER).partition(b" ")[0]
        chunk = (b"x" * 78 + b"\r\n") * (BUFFER // 80)
        for _ in range(octets // len(chunk)):
            connection.sendall(chunk)
        connection.sendall(tag + b" OK done\r\n")
        connection.close()
    finally:
        os._exit(0)


def trusting() -> ssl.SSLContext:
    """A client that believes any certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
