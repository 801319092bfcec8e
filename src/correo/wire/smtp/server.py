"""The server's side of SMTP and LMTP as a pure object: framing, modes, and nothing of mail (RFC 5321, RFC 2033).

BDAT is framing, whatever is thought of it: its octets follow the command at once, and are given as chunks (RFC 3030 §2).

The reply drives the mode, as the client will understand it: 354 begins a message, 334 asks for a line of an authentication
exchange, 220 after STARTTLS hands the connection to TLS and forgets what was sent in clear text, 221 and 421 end it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from correo.wire import NEED_DATA, Need
from correo.wire.buffer import LineBuffer, Overlong
from correo.wire.smtp.answer import Reply
from correo.wire.smtp.chunks import BeginChunk, ChunkReader, EndOfChunk, begin_chunk
from correo.wire.smtp.data import Chunk, DataReader, EndOfData, Fault
from correo.wire.smtp.syntax import decode_base64

# Octets of a line with its end. RFC 5321 §4.5.3.1.4 asks for 512, and extensions add to it: SIZE 26, AUTH= 500, SMTPUTF8 10 and
# as much again as addresses grow. 2048 is what other servers settled on.
MAX_COMMAND = 2048
MAX_AUTH = 12_288  # the AUTH command and each answer in its exchange, RFC 4954 §4

_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")  # a tab is a blank, as every server allows


@dataclass(frozen=True, slots=True)
class Command:
    """`verb` in upper case, `argument` without the blanks around it."""

    verb: str
    argument: str


@dataclass(frozen=True, slots=True)
class Malformed:
    """A line that is no text: control characters, or not UTF-8 (RFC 6531 §3.6)."""


@dataclass(frozen=True, slots=True)
class AuthResponse:
    """An answer in an authentication exchange; `data` is None when it was not base64, or `*` (`cancelled`)."""

    data: bytes | None = field(repr=False)
    cancelled: bool = False


@dataclass(frozen=True, slots=True)
class Eof:
    """The client closed its side. No answer is needed."""


Event = Command | Malformed | Overlong | BeginChunk | Chunk | EndOfChunk | EndOfData | AuthResponse | Eof

__all__ = [
    "AuthResponse",
    "BeginChunk",
    "Chunk",
    "Command",
    "EndOfChunk",
    "EndOfData",
    "Eof",
    "Event",
    "Fault",
    "Malformed",
    "Overlong",
    "Server",
]


class Server:
    """One connection. After each event but BeginChunk and Chunk it stands still until `reply`; it begins so, awaiting the
    greeting."""

    __slots__ = (
        "_authenticating",
        "_chunks",
        "_counting",
        "_data",
        "_eof",
        "_lines",
        "_max_size",
        "_output",
        "_paused",
        "_verb",
        "closed",
        "tls_wanted",
    )

    def __init__(self, *, max_size: int) -> None:
        self.closed = False
        self.tls_wanted = False
        self._max_size = max_size  # octets of a message that are kept
        self._lines = LineBuffer(MAX_AUTH)
        self._data: DataReader | None = None
        self._chunks: ChunkReader | None = None  # of the message that is being sent by BDAT
        self._counting = False  # within a chunk
        self._authenticating = False
        self._paused = True
        self._eof = False
        self._verb = ""
        self._output: list[bytes] = []

    @property
    def waiting(self) -> int:
        """Octets that were sent ahead and not looked at yet."""
        return len(self._lines)

    def receive(self, data: bytes) -> None:
        """b"" is the end of the stream."""
        if not data:
            self._eof = True
        elif self.closed or self.tls_wanted:
            pass  # nobody will read it, or it must not be taken for what comes under TLS (RFC 3207 §4.2)
        elif self._data:
            self._data.feed(data)
        else:
            self._lines.feed(data)

    def next_event(self) -> Event | Need:
        if self._paused or self.closed or self.tls_wanted:
            return NEED_DATA
        event: Event | None
        if self._data:
            event = self._from_data(self._data)
        elif self._counting and self._chunks:
            event = self._from_chunk(self._chunks)
        else:
            event = self._from_line()
        if event is None:
            if not self._eof:
                return NEED_DATA
            self.closed = True
            return Eof()
        self._paused = not isinstance(event, BeginChunk | Chunk)
        return event

    def reply(self, *replies: Reply) -> None:
        """Answer the last event, or greet; LMTP answers the end of a message with several (RFC 2033 §4.2)."""
        if self.closed:
            return
        for reply in replies:
            self._output.append(reply.encode())
        self._paused = False
        match replies[-1].code:
            case 354:
                self._data = DataReader(self._max_size, self._lines.take(len(self._lines)))
            case 334:
                self._authenticating = True
            case 220 if self._verb == "STARTTLS":
                self.tls_wanted = True
                self._lines.clear()
            case 221 | 421:
                self.closed = True
                self._lines.clear()
                self._data = self._chunks = None

    def forget_chunks(self) -> None:
        """The message of which there were chunks is given up: the next one begins anew."""
        self._chunks = None

    def take_output(self) -> bytes:
        output = self._output[0] if len(self._output) == 1 else b"".join(self._output)
        self._output.clear()
        return output

    def tls_started(self) -> None:
        """The handshake is done: what is received from now on came under TLS."""
        self.tls_wanted = False
        self._verb = ""

    def _from_data(self, data: DataReader) -> Chunk | EndOfData | None:
        event = data.next()
        if isinstance(event, EndOfData):
            self._data = None
            self._lines.feed(data.rest())
        return event

    def _from_chunk(self, chunks: ChunkReader) -> Chunk | EndOfChunk | None:
        while wanted := chunks.wanted:
            if len(self._lines) < wanted:  # one-octet packets must not become one-octet objects
                return None
            if chunk := chunks.take(self._lines.take(wanted)):
                return chunk
        self._counting = False
        end = chunks.end()
        if end.last:
            self._chunks = None
        return end

    def _from_line(self) -> Event | None:
        line = self._lines.line()
        if line is None:
            return None
        authenticating, self._authenticating = self._authenticating, False
        self._verb = ""
        if isinstance(line, Overlong):
            return line
        if authenticating:
            return AuthResponse(None, cancelled=True) if line == b"*" else AuthResponse(decode_base64(line))
        return self._command(line)

    def _command(self, line: bytes) -> Event:
        try:
            text = line.decode("utf-8")
        except UnicodeDecodeError:
            return Malformed()
        if not text.isprintable() and _CONTROL.search(text):
            return Malformed()
        verb, _, argument = text.strip(" \t").partition(" ")
        self._verb = verb = verb.upper()
        if len(line) > MAX_COMMAND - 2 and verb != "AUTH":
            return Overlong(len(line))
        if verb == "BDAT" and (chunk := begin_chunk(argument.strip(" \t"))):
            self._chunks = self._chunks or ChunkReader(self._max_size)
            self._chunks.begin(chunk)
            self._counting = True
            return chunk
        return Command(verb, argument.strip(" \t"))
