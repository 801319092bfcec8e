"""Octets as lines that may be shown: printable, of bounded length, messages as their size."""

from __future__ import annotations

from dataclasses import dataclass

CLIENT, SERVER, NOTE = "C", "S", "*"  # who said it; a note is ours
HIDDEN = "<hidden>"

MAX_LINE = 2_000  # octets of a line that are shown; a line of commands is shorter, of an answer rarely longer
_MARK = 50  # octets for saying how much more there was


@dataclass(frozen=True, slots=True)
class Shown:
    who: str
    text: str


def readable(octets: bytes) -> str:
    """As text that no terminal obeys; what is too long is cut."""
    text = cut(octets, len(octets)).decode("utf-8", "backslashreplace")
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else _escaped(char) for char in text)


def cut(octets: bytes, size: int) -> bytes:
    """As much as is shown of a line of `size` octets, of which these are the first."""
    if len(octets) == size <= MAX_LINE + _MARK:
        return octets
    return octets[:MAX_LINE] + f"... <{size - MAX_LINE:,} octets more>".encode()


def readable_text(text: str) -> str:
    """The same of what was octets once."""
    return readable(text.encode("utf-8", "surrogateescape"))


def _escaped(char: str) -> str:
    return {"\t": "\\t", "\r": "\\r", "\n": "\\n"}.get(char) or char.encode("unicode_escape").decode("ascii")


def of_message(size: int) -> str:
    return f"<{size:,} octets of message>"


class LineReader:
    """Octets in any pieces to lines, of which no more is kept than is shown."""

    __slots__ = ("_kept", "_size")

    def __init__(self) -> None:
        self._kept = bytearray()
        self._size = 0

    def feed(self, octets: bytes) -> list[bytes]:
        """The lines that have come to their end, without it, and cut."""
        *ended, rest = octets.split(b"\n")
        lines = []
        for piece in ended:
            self._add(piece)
            lines.append(self.rest())
        self._add(rest)
        return lines

    def rest(self) -> bytes:
        """What has come of a line, which is taken for a whole one."""
        line = cut(bytes(self._kept), self._size).removesuffix(b"\r")
        self._kept.clear()
        self._size = 0
        return line

    def __bool__(self) -> bool:
        return self._size > 0

    def _add(self, piece: bytes) -> None:
        self._size += len(piece)
        room = MAX_LINE + _MARK - len(self._kept)
        if room > 0:
            self._kept += piece[:room]


class Message:
    """The text of a message that goes by: counted, or shown line by line where that is wanted."""

    __slots__ = ("_lines", "_show", "_size", "_who")

    def __init__(self, who: str, *, show: bool) -> None:
        self._who = who
        self._show = show
        self._size = 0
        self._lines = LineReader()

    def feed(self, octets: bytes) -> list[Shown]:
        self._size += len(octets)
        if not self._show:
            return []
        return [Shown(self._who, readable(line)) for line in self._lines.feed(octets)]

    def end(self) -> list[Shown]:
        """What is left to be shown of what has come; then the next message may begin."""
        size, self._size = self._size, 0
        if self._show:
            return [Shown(self._who, readable(self._lines.rest()))] if self._lines else []
        return [Shown(self._who, of_message(size))] if size else []

    def __bool__(self) -> bool:
        return self._size > 0
