"""Who comes to us by SMTP, submission or LMTP."""

from __future__ import annotations

from correo.wire.buffer import Overlong
from correo.wire.sasl import MECHANISMS
from correo.wire.smtp.server import (
    AuthResponse,
    BeginChunk,
    Chunk,
    Command,
    EndOfChunk,
    EndOfData,
    Event,
    Malformed,
)
from correo.wire.watched.lines import (
    CLIENT,
    HIDDEN,
    SERVER,
    LineReader,
    Message,
    Shown,
    readable,
    readable_text,
)

# The verbs that there are, whether or not we know them (RFC 5321 §4.1.1, and the extensions).
VERBS = frozenset(
    [
        "ATRN",
        "BDAT",
        "DATA",
        "EHLO",
        "ETRN",
        "EXPN",
        "HELO",
        "HELP",
        "LHLO",
        "MAIL",
        "NOOP",
        "QUIT",
        "RCPT",
        "RSET",
        "SAML",
        "SEND",
        "SOML",
        "STARTTLS",
        "TURN",
        "VRFY",
        "XCLIENT",
        "XFORWARD",
    ]
)


class Smtp:
    def __init__(self, *, data: bool = False) -> None:
        """`data`: messages are shown, too."""
        self._answers = LineReader()
        self._message = Message(CLIENT, show=data)

    def heard(self, event: Event) -> list[Shown]:
        match event:
            case Command(verb, argument):
                return [Shown(CLIENT, shown_command(verb, argument))]
            case AuthResponse(cancelled=cancelled):
                return [Shown(CLIENT, "*" if cancelled else HIDDEN)]
            case BeginChunk(size=size, last=last):
                return [Shown(CLIENT, f"BDAT {size}{' LAST' if last else ''}")]
            case Chunk(data):
                return self._message.feed(data)
            case EndOfChunk():
                return self._message.end()
            case EndOfData():
                return [*self._message.end(), Shown(CLIENT, ".")]
            case Malformed():
                return [Shown(CLIENT, "<a line that is not text>")]
            case Overlong(size):
                return [Shown(CLIENT, f"<a line of {size:,} octets, too long>")]
            case _:
                return []

    def said(self, octets: bytes) -> list[Shown]:
        return [Shown(SERVER, without_challenge(line)) for line in self._answers.feed(octets)]

    def settled(self) -> list[Shown]:
        return []


def shown_command(verb: str, argument: str) -> str:
    if verb == "AUTH":
        return shown_auth("AUTH", argument)
    if verb not in VERBS:
        return f"<no command that is known, {len(verb) + bool(argument) + len(argument)} octets>"
    return readable_text(f"{verb} {argument}" if argument else verb)


def shown_auth(verb: str, argument: str) -> str:
    """The mechanism, where it is one: what stands in its place may be anything."""
    mechanism, _, initial = argument.strip(" ").partition(" ")
    if not mechanism:
        return verb
    if mechanism.upper() not in MECHANISMS:
        return f"{verb} {HIDDEN}"
    return f"{verb} {mechanism.upper()} {HIDDEN}" if initial else f"{verb} {mechanism.upper()}"


def without_challenge(line: bytes) -> str:
    return f"334 {HIDDEN}" if line.startswith(b"334") and len(line) > 4 else readable(line)
