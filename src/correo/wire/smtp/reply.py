"""Replies as a client reads them: one code, one or more lines (RFC 5321 §4.2)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from correo.mail.status import Status
from correo.wire.buffer import LineBuffer, Overlong

MAX_LINE = 4_096  # octets; RFC 5321 §4.5.3.1.5 says 512, and servers that explain themselves write more
MAX_LINES = 200  # of one reply; the longest EHLO answers in the wild stay below 40

_LINE = re.compile(rb"([2-5][0-9]{2})(?:([ -])(.*))?", re.DOTALL)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")
_ENHANCED = re.compile(r"[245]\.\d{1,3}\.\d{1,3}(?: |$)")


@dataclass(frozen=True, slots=True)
class Reply:
    """`lines` are without code and control characters; never empty."""

    code: int  # 200 to 599
    lines: tuple[str, ...]

    @property
    def first_digit(self) -> int:
        return self.code // 100

    @property
    def status(self) -> Status:
        """As one line of text; an enhanced code that stands on every line is taken off every line (RFC 2034 §4)."""
        found = _ENHANCED.match(self.lines[0])
        if found and all(line.startswith(found[0]) for line in self.lines):
            text = found[0] + " ".join(line[found.end() :] for line in self.lines)
        else:
            text = " ".join(self.lines)
        return Status.parse(self.code, text.strip())


@dataclass(frozen=True, slots=True)
class NotSmtp:
    """What came is no reply; nothing after it can be believed."""

    reason: str


class ReplyReader:
    """Takes octets in any pieces and gives whole replies."""

    __slots__ = ("_buffer", "_lines")

    def __init__(self) -> None:
        self._buffer = LineBuffer(MAX_LINE)
        self._lines: list[str] = []

    def __bool__(self) -> bool:
        """Whether anything was received that has not been given out."""
        return bool(self._buffer) or bool(self._lines)

    def feed(self, data: bytes) -> None:
        self._buffer.feed(data)

    def clear(self) -> None:
        self._buffer.clear()
        self._lines.clear()

    def next(self) -> Reply | NotSmtp | None:
        """The next whole reply, or None while there is none."""
        while (line := self._buffer.line()) is not None:
            if isinstance(line, Overlong):
                return NotSmtp("a line of the reply is too long")
            match = _LINE.fullmatch(line)
            if match is None:
                return NotSmtp("the reply does not begin with a code")
            self._lines.append(_CONTROL.sub(" ", (match[3] or b"").decode("utf-8", "replace")).strip())
            if match[2] != b"-":
                # The code of the last line counts. All lines should have the same (RFC 5321 §4.2.1); where they
                # differ, this is what other clients go by, and hence what the server means.
                lines, self._lines = tuple(self._lines), []
                return Reply(int(match[1]), lines)
            if len(self._lines) == MAX_LINES:
                return NotSmtp("the reply has too many lines")
        return None
