"""What a command answers: untagged responses, then one of the endings below."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from enum import Enum

PIECE = 64 * 1024  # octets of an answer that are sent before the next are put together


class Status(Enum):
    OK = "OK"
    NO = "NO"
    BAD = "BAD"


@dataclass(frozen=True, slots=True)
class Completion:
    """The tagged response. `code` is a response code without its brackets; `last` closes the connection after it.

    `numbers_stay`: no message may lose its number before it, whatever the row of the command says.
    """

    status: Status
    text: str
    code: str = ""
    last: bool = False
    numbers_stay: bool = False
    after: Callable[[], None] | None = None  # done when the response has been given to the core


@dataclass(frozen=True, slots=True)
class Continue:
    """`+ prompt`: the command goes on with the client's next line, which is given to `then`.

    An `idle` command is told changes while it waits (RFC 2177).
    """

    prompt: bytes
    then: Callable[[bytes], Responses]
    idle: bool = False


@dataclass(frozen=True, slots=True)
class BeginTls:
    """OK, then the TLS handshake (RFC 3501 §6.2.1)."""


Response = bytes | Completion | Continue | BeginTls
Responses = AsyncGenerator[Response, None]


def ok(text: str, code: str = "", *, after: Callable[[], None] | None = None) -> Completion:
    return Completion(Status.OK, text, code, after=after)


def no(text: str, code: str = "") -> Completion:
    return Completion(Status.NO, text, code)


def bad(text: str, code: str = "") -> Completion:
    return Completion(Status.BAD, text, code)
