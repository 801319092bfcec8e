"""What a mechanism is given, what it may ask, and how it may end."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from correo.wire.sasl.keys import Digest, Keys

# Octets in one message of a client, before base64: a name, another name and a password of 1,024 octets fit with room to spare.
MAX_MESSAGE = 4096


@dataclass(frozen=True, slots=True)
class Channel:
    """The connection that an exchange runs over, as far as mechanisms are concerned."""

    tls: bool
    passwords: bool  # may cross it: there is TLS, or whoever set up the server says that none is needed
    # By type, as RFC 5929 and RFC 9266 name them. Empty where none is known, or none that is to be offered.
    bindings: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    certificate: tuple[str, ...] = ()  # the mail addresses that the client's certificate is for, verified


@dataclass(frozen=True, slots=True)
class Opening:
    """What an exchange begins with."""

    initial: bytes | None  # the initial response; None where there was none, b"" where it was empty
    nonce: str  # 1 or more printable ASCII characters other than the comma, that nobody can foresee
    channel: Channel = Channel(tls=False, passwords=False)
    offered: tuple[str, ...] = ()  # the mechanisms that the client was told of
    host: str = "localhost"  # the server's name


@dataclass(frozen=True, slots=True)
class Challenge:
    """Send `data` to the client; the answer is what it sends back."""

    data: bytes


@dataclass(frozen=True, slots=True)
class LookUp:
    """The answer is this login's `Keys` for the digest, perhaps with `others`: made-up ones where there is no such account."""

    login: str
    digest: Digest = "sha256"


@dataclass(frozen=True, slots=True)
class CheckToken:
    """The answer is a `TokenOwner` or a `BadToken`."""

    token: str = field(repr=False)
    login: str  # whom the client says it is for, "" where it does not


@dataclass(frozen=True, slots=True)
class TokenOwner:
    """The token is good; `login` is whose it is."""

    login: str


@dataclass(frozen=True, slots=True)
class BadToken:
    """The token is not good, or not for this; `scope` and `configuration` tell the client how to get another."""

    status: Literal["invalid_token", "insufficient_scope"]  # RFC 6750 §3.1
    scope: str = ""  # what a token must allow
    configuration: str = ""  # URL of the authorization server's metadata


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
    keys: Keys | None = field(default=None, repr=False, compare=False)  # of which of its passwords


@dataclass(frozen=True, slots=True)
class Vouched:
    """Somebody else, whom we trust, says that the client is one of `logins`: an authority, by certificate or token."""

    logins: tuple[str, ...]
    authzid: str


@dataclass(frozen=True, slots=True)
class Rejected:
    """The client's proof was wrong; `reason` is for the log."""

    login: str
    reason: str = "wrong proof"


@dataclass(frozen=True, slots=True)
class Malformed:
    """The client broke the mechanism's rules; `reason` is for the log."""

    reason: str


Ask = Challenge | LookUp | CheckToken
Answer = bytes | Keys | TokenOwner | BadToken
End = CheckPassword | Finished | Vouched | Rejected | Malformed
# Sent in: octets after a Challenge, Keys after a LookUp, TokenOwner or BadToken after a CheckToken.
Exchange = Generator[Ask, Any, End]


@dataclass(frozen=True, slots=True)
class Mechanism:
    """A row of the table."""

    name: str
    source: str  # where it is defined
    serves: Callable[[Channel], bool]  # whether it can be used over this connection, and safely
    start: Callable[[Opening], Exchange]
    password: bool = False  # shows the password to the server


def advance(exchange: Exchange, answer: Answer | None = None) -> Ask | End:
    """The next step, after the answer to the last one; None begins. An exchange that ended must not be advanced."""
    try:
        return exchange.send(answer)
    except StopIteration as stop:
        end: End = stop.value
        return end


def decode(data: bytes, most: int = MAX_MESSAGE) -> str | None:
    """The text of a message, or None where it is longer than `most` octets or not UTF-8."""
    if len(data) > most:
        return None
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return None
