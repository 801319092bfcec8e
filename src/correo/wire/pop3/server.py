"""The server's side of one POP3 connection: framing and nothing else."""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import dataclass

from correo.wire import NEED_DATA, Need
from correo.wire.buffer import LineBuffer, Overlong
from correo.wire.pop3.reply import BeginTls, Challenge, Lines, Reply

# RFC 2449 §4 allows 255 octets for a command; RFC 5034 §4 lets the lines of AUTH be as long as a mechanism needs.
MAX_LINE = 12_288


@dataclass(frozen=True, slots=True)
class Command:
    verb: str  # in capitals
    argument: str  # what stands behind the first space; octets above 127 as surrogates


@dataclass(frozen=True, slots=True)
class AuthResponse:
    data: bytes | None  # None: the client gave up with "*"; malformed base64 is taken for that too


@dataclass(frozen=True, slots=True)
class TooLong:
    """A line passed the limit and was dropped."""


@dataclass(frozen=True, slots=True)
class Eof:
    """The client hung up."""


Event = Command | AuthResponse | TooLong | Eof


class Server:
    """Pulled by `next_event`; stands still after each event until `reply`."""

    def __init__(self) -> None:
        self.closed = False
        self.tls_wanted = False
        self._buffer = LineBuffer(MAX_LINE)
        self._output: list[bytes] = []
        self._waiting = False
        self._eof = False
        self._in_auth = False

    def receive(self, data: bytes) -> None:
        if data:
            self._buffer.feed(data)
        else:
            self._eof = True

    def next_event(self) -> Event | Need:
        if self._waiting or self.tls_wanted:
            return NEED_DATA
        line = self._buffer.line()
        if line is None:
            if not self._eof:
                return NEED_DATA
            self.closed = True
            return Eof()
        self._waiting = True
        if isinstance(line, Overlong):
            self._in_auth = False
            return TooLong()
        if self._in_auth:
            self._in_auth = False
            return AuthResponse(_decoded(line))
        verb, _, argument = line.decode("utf-8", "surrogateescape").partition(" ")
        return Command(verb.upper(), argument)

    def greet(self, text: str) -> None:
        self._output.append(f"+OK {text}\r\n".encode())

    def reply(self, reply: Reply) -> None:
        self._waiting = False
        if isinstance(reply, Lines):
            self._output += reply.pieces()
            return
        self._output.append(reply.encode())
        if isinstance(reply, Challenge):
            self._in_auth = True
        elif isinstance(reply, BeginTls):
            self.tls_wanted = True
        elif reply.last:
            self.closed = True

    def reply_in_pieces(self, reply: Lines) -> Iterator[None]:
        """As `reply`, for an answer too long to be held at once: the output is to be taken after each step."""
        for piece in reply.pieces():
            self._output.append(piece)
            yield
        self._waiting = False

    def close(self) -> None:
        self.closed = True

    def take_output(self) -> bytes:
        output = b"".join(self._output)
        self._output.clear()
        return output

    def tls_started(self) -> None:
        """Everything that came before the handshake is gone (RFC 2595 §4: it may have been injected)."""
        self._buffer.clear()
        self.tls_wanted = False


def _decoded(line: bytes) -> bytes | None:
    if line == b"*":
        return None
    try:
        return b64decode(line, validate=True)
    except binascii.Error:
        return None
