"""What a POP3 server says (RFC 1939 §3, extended codes of RFC 2449 §8 and RFC 3206)."""

from __future__ import annotations

import io
import re
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass

_LINE_WITH_DOT = re.compile(rb"\n\.")  # found by looking at line ends alone, where `in` looks at each octet

PIECE = 64 * 1024  # octets of a long answer that are made and sent at a time


@dataclass(frozen=True, slots=True)
class Ok:
    """`+OK text`; `last` closes the connection after it."""

    text: str = ""
    last: bool = False

    def encode(self) -> bytes:
        return f"+OK {self.text}".rstrip().encode() + b"\r\n"


@dataclass(frozen=True, slots=True)
class Err:
    """`-ERR [code] text`."""

    text: str
    code: str = ""
    last: bool = False

    def encode(self) -> bytes:
        return ("-ERR " + (f"[{self.code}] " if self.code else "") + self.text).encode() + b"\r\n"


@dataclass(frozen=True, slots=True)
class Lines:
    """`+OK text`, then `body` up to a line with a single dot. A body that does not end in CR LF is given one.

    `ready`: that has been done, and the body is `stuffed`.
    """

    text: str
    body: bytes
    ready: bool = False

    def encode(self) -> bytes:
        return b"".join(self.pieces())

    def pieces(self) -> Iterator[bytes]:
        """The same in pieces of about PIECE octets."""
        yield f"+OK {self.text}\r\n".encode()
        body, start = self.body, 0
        while start < len(body):
            end = body.find(b"\n", start + PIECE) + 1 or len(body)
            piece = body[start:end]
            yield piece if self.ready else stuffed(piece)
            start = end
        yield b".\r\n"


@dataclass(frozen=True, slots=True)
class Challenge:
    """`+ base64`: the next line is the client's answer (RFC 5034 §4)."""

    data: bytes

    def encode(self) -> bytes:
        return b"+ " + b64encode(self.data) + b"\r\n"


@dataclass(frozen=True, slots=True)
class BeginTls:
    """`+OK text`, then the TLS handshake (RFC 2595 §4); what was sent ahead is thrown away."""

    text: str = "Begin TLS negotiation"

    def encode(self) -> bytes:
        return f"+OK {self.text}\r\n".encode()


Reply = Ok | Err | Lines | Challenge | BeginTls


def stuffed(body: bytes) -> bytes:
    """Byte-stuffed (RFC 1939 §3), with every line ended by CR LF: a bare LF would let a dot line in the text end it early."""
    if not _whole_lines(body):
        body = body.replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\n", b"\r\n")
    if body.startswith(b"."):
        body = b"." + body
    if _LINE_WITH_DOT.search(body):
        body = body.replace(b"\n.", b"\n..")
    return body if body.endswith(b"\r\n") or not body else body + b"\r\n"


def _whole_lines(body: bytes) -> bool:
    """Whether no CR and no LF stands alone. One pass, in a third of the time that it takes to count each of them."""
    decoder = io.IncrementalNewlineDecoder(None, translate=False)
    decoder.decode(body.decode("latin-1"), final=True)
    return decoder.newlines in (None, "\r\n")
