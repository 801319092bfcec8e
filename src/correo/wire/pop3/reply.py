"""What a POP3 server says (RFC 1939 §3, extended codes of RFC 2449 §8 and RFC 3206)."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass

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
    """`+OK text`, then `body` up to a line with a single dot. A body that does not end in CR LF is given one."""

    text: str
    body: bytes

    def encode(self) -> bytes:
        return b"".join(self.pieces())

    def pieces(self) -> Iterator[bytes]:
        """The same in pieces of about PIECE octets."""
        yield f"+OK {self.text}\r\n".encode()
        body, start = self.body, 0
        while start < len(body):
            end = body.find(b"\n", start + PIECE) + 1 or len(body)
            yield stuffed(body[start:end])
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
    pairs = body.count(b"\r\n")
    if body.count(b"\n") != pairs or body.count(b"\r") != pairs:
        body = body.replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\n", b"\r\n")
    if body.startswith(b"."):
        body = b"." + body
    body = body.replace(b"\r\n.", b"\r\n..")
    return body if body.endswith(b"\r\n") or not body else body + b"\r\n"
