"""What a mechanism may ask, and how it may end."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Any

from correo.wire.sasl.keys import ScramKeys

# Octets in one message of a client, before base64: a name, another name and a password of 1,024 octets fit with room to spare.
MAX_MESSAGE = 4096


@dataclass(frozen=True, slots=True)
class Challenge:
    """Send `data` to the client; the answer is what it sends back."""

    data: bytes


@dataclass(frozen=True, slots=True)
class LookUp:
    """The answer is this login's `ScramKeys`: made-up ones where there is no such account."""

    login: str


@dataclass(frozen=True, slots=True)
class CheckPassword:
    """The end of a mechanism that shows the password: whoever asked decides. `authzid` is "" where none was given."""

    login: str
    authzid: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Finished:
    """The client proved that it knows the password of `login`; `final` goes to it with the success."""

    login: str
    authzid: str
    final: bytes


@dataclass(frozen=True, slots=True)
class Rejected:
    """The client's proof was wrong."""

    login: str


@dataclass(frozen=True, slots=True)
class Malformed:
    """The client broke the mechanism's rules; `reason` is for the log."""

    reason: str


Ask = Challenge | LookUp
End = CheckPassword | Finished | Rejected | Malformed
# Sent in: octets after a Challenge, ScramKeys after a LookUp.
Exchange = Generator[Ask, Any, End]


@dataclass(frozen=True, slots=True)
class Mechanism:
    """A row of the table. `start(initial, nonce)`: the initial response or None, and 1 or more printable ASCII characters other
    than the comma that nobody can foresee."""

    name: str
    plaintext: bool  # shows the password to whoever listens, so it needs TLS
    source: str  # where it is defined
    start: Callable[[bytes | None, str], Exchange]


def advance(exchange: Exchange, answer: bytes | ScramKeys | None = None) -> Ask | End:
    """The next step, after the answer to the last one; None begins. An exchange that ended must not be advanced."""
    try:
        return exchange.send(answer)
    except StopIteration as stop:
        end: End = stop.value
        return end


def decode(data: bytes) -> str | None:
    """The text of a message, or None where it is too long or not UTF-8."""
    if len(data) > MAX_MESSAGE:
        return None
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return None
