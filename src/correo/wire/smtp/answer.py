"""What a server says: one reply of one or more lines (RFC 5321 §4.2, RFC 2034 §4)."""

from __future__ import annotations

from dataclasses import dataclass

from correo.mail.status import Status

MAX_LINE = 510  # octets of a reply line without CR LF, RFC 5321 §4.5.3.1.5

# What must not be in a line: replies are our own words, so this only matters if some day they are not.
_CONTROLS = dict.fromkeys((*range(32), 127), " ")


@dataclass(frozen=True, slots=True)
class Reply:
    """`code` is 200..599, `enhanced` is "" where none belongs: greetings, answers to EHLO and HELO, and 3xx."""

    code: int
    enhanced: str
    lines: tuple[str, ...]

    @classmethod
    def of(cls, status: Status) -> Reply:
        return cls(status.code, status.enhanced, (status.text,))

    @property
    def ok(self) -> bool:
        return self.code < 400

    def encode(self) -> bytes:
        """The octets to send. Every line carries the enhanced code (RFC 2034 §4)."""
        mark = f"{self.enhanced} " if self.enhanced else ""
        *firsts, last = self.lines
        text = "".join(f"{self.code}-{_clean(mark + line)}\r\n" for line in firsts)
        return f"{text}{self.code} {_clean(mark + last)}\r\n".encode("ascii", "replace")


def _clean(line: str) -> str:
    return (line if line.isprintable() else line.translate(_CONTROLS))[: MAX_LINE - 4]


def reply(code: int, enhanced: str, *lines: str) -> Reply:
    return Reply(code, enhanced, lines)
