"""Who comes to us by POP3."""

from __future__ import annotations

from correo.wire.pop3.server import AuthResponse, Command, Event, TooLong
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
from correo.wire.watched.smtp import shown_auth

VERBS = frozenset(
    [
        "CAPA",
        "DELE",
        "LANG",
        "LIST",
        "NOOP",
        "QUIT",
        "RETR",
        "RSET",
        "STAT",
        "STLS",
        "TOP",
        "UIDL",
        "USER",
        "UTF8",
    ]
)
_MESSAGES = ("RETR", "TOP")


class Pop3:
    def __init__(self, *, data: bool = False) -> None:
        """`data`: messages are shown, too."""
        self._answers = LineReader()
        self._message = Message(SERVER, show=data)
        self._coming = False  # the answer to the last command is a message
        self._begun = False  # and its first line has come

    def heard(self, event: Event) -> list[Shown]:
        before = self.settled()
        match event:
            case Command(verb, argument):
                self._coming = verb in _MESSAGES
                return [*before, Shown(CLIENT, _command(verb, argument))]
            case AuthResponse():
                return [*before, Shown(CLIENT, HIDDEN)]
            case TooLong():
                return [*before, Shown(CLIENT, "<a line that is too long>")]
            case _:
                return before

    def said(self, octets: bytes) -> list[Shown]:
        if self._begun:
            return self._message.feed(octets)
        if not self._coming:
            return [Shown(SERVER, _answer(line)) for line in self._answers.feed(octets)]
        first, end, rest = octets.partition(b"\n")
        shown = [Shown(SERVER, _answer(line)) for line in self._answers.feed(first + end)]
        if end and not shown[0].text.startswith("+OK"):
            self._coming = False
            return shown + self.said(rest)
        self._begun = bool(end)
        return shown + self.said(rest) if rest else shown

    def settled(self) -> list[Shown]:
        shown = self._message.end() if self._begun else []
        self._coming = self._begun = False
        return shown


def _command(verb: str, argument: str) -> str:
    if verb == "PASS":
        return f"PASS {HIDDEN}"
    if verb == "APOP":
        return readable_text(f"APOP {argument.split(' ')[0]} {HIDDEN}")
    if verb == "AUTH":
        return shown_auth(verb, argument)
    if verb not in VERBS:
        return f"<no command that is known, {len(verb) + bool(argument) + len(argument)} octets>"
    return readable_text(f"{verb} {argument}" if argument else verb)


def _answer(line: bytes) -> str:
    return f"+ {HIDDEN}" if line.startswith(b"+ ") else readable(line)
