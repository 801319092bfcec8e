"""Where we go: SMTP and LMTP to other servers. Here the answers are theirs, and may say back what they heard."""

from __future__ import annotations

import binascii
from base64 import b64decode

from correo.wire.watched.lines import CLIENT, HIDDEN, MAX_LINE, SERVER, LineReader, Message, Shown, readable
from correo.wire.watched.smtp import VERBS, shown_auth, without_challenge

SECRET = 3  # octets of what is looked for in answers, at least: shorter ones are in every sentence


class Outgoing:
    def __init__(self, *, data: bool = False) -> None:
        """`data`: messages are shown, too."""
        self._commands = LineReader()
        self._answers = LineReader()
        self._message = Message(CLIENT, show=data)
        self._asked = False  # in an exchange of AUTH
        self._secrets: list[bytes] = []  # what we have said in it

    def sent(self, octets: bytes) -> list[Shown]:
        """Commands of ours."""
        return [Shown(CLIENT, self._command(line)) for line in self._commands.feed(octets)]

    def body(self, octets: bytes, *, chunked: bool) -> list[Shown]:
        """A piece of a message; by BDAT (`chunked`) the command stands before the first."""
        if not chunked or self._message:
            return self._message.feed(octets)
        command, _, text = octets.partition(b"\r\n")
        return [Shown(CLIENT, readable(command)), *self._message.feed(text)]

    def received(self, octets: bytes) -> list[Shown]:
        return [
            *self._message.end(),
            *(Shown(SERVER, self._answer(line)) for line in self._answers.feed(octets)),
        ]

    def _command(self, line: bytes) -> str:
        verb, _, argument = line.partition(b" ")
        # A server that answers before it is asked may end the exchange before we have said the last of it.
        if self._asked or not _is_known(verb):
            self._asked = True
            self._keep(line)
            return HIDDEN
        if verb.upper() != b"AUTH":
            return readable(line)
        self._asked = True
        self._keep(argument.partition(b" ")[2])
        return shown_auth("AUTH", argument.decode("utf-8", "replace"))

    def _keep(self, secret: bytes) -> None:
        self._secrets.append(secret)
        try:
            self._secrets += b64decode(secret, validate=True).split(b"\0")
        except binascii.Error:
            pass

    def _answer(self, line: bytes) -> str:
        shown = without_challenge(line)
        if self._asked:
            if self._tells(line):
                shown = f"{readable(line[:4])}{HIDDEN}"
            if not line.startswith(b"334"):
                self._asked = line[3:4] == b"-"  # more lines of the same answer may follow
            if not self._asked:
                self._secrets.clear()
        return shown

    def _tells(self, line: bytes) -> bool:
        """Whether a secret may stand in it; of one that was cut, half of a secret at the end."""
        return len(line) > MAX_LINE or any(
            len(secret) >= SECRET and secret in line for secret in self._secrets
        )


def _is_known(verb: bytes) -> bool:
    word = verb.decode("latin-1").upper()
    return word in VERBS or word in ("AUTH", "", ".")  # the end of a message that was given up
