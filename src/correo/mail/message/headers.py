"""Header fields where they lie in the message (RFC 5322 §2.2): found by one expression, folded as they came."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import NamedTuple

MAX_HEADER = (
    262_144  # octets of one header that are looked at; real ones with every trace field stay below 100 KB
)

# One field with its continuation lines (§2.2.3), or else one line that is no field. Blanks before the colon are obsolete
# syntax (§4.5). Possessive throughout, so that no input makes it go back.
_LINE = re.compile(rb"([!-9;-~]++)[ \t]*+:((?:[^\n]*+\n(?=[ \t]))*[^\n]*+)\n?|[^\n]++\n?|\n")
_EMPTY_LINE = re.compile(rb"\n\r?\n")
# What a header begins with: a field, the line that mbox files put before a message, or one torn line with a field below.
_FIRST_LINE = re.compile(rb"[!-9;-~]++[ \t]*+:|>?From |[^\r\n][^\n]*\n[!-9;-~]+[ \t]*:[ \t]")
_PART_HEADER = re.compile(rb"(?:[!-9;-~]++[ \t]*+:(?:[^\n]*+\n(?=[ \t]))*[^\n]*+(?:\n|\Z))*(?:\r?\n)?")
_FOLD = re.compile(rb"\r?\n(?=[ \t])")


class Field(NamedTuple):
    """One field; `value` is all between the colon and the last line end, folds included."""

    name: bytes
    value: bytes
    start: int
    end: int  # one past its last line end


class Header:
    """The fields of one header for asking by name; what is beyond `MAX_HEADER` is not seen."""

    __slots__ = ("_first", "_lines")

    def __init__(self, lines: list[tuple[bytes, bytes]]) -> None:
        self._lines = lines  # those that are no fields, as the empty one, have no name
        self._first = {name.lower(): value for name, value in reversed(lines)}

    def first(self, name: bytes) -> bytes | None:
        """The unfolded value of the first field `name` (in lower case); None where there is none."""
        value = self._first.get(name)
        return None if value is None else unfold(value)

    def every(self, name: bytes) -> list[bytes]:
        """The unfolded values of all fields `name` (in lower case), in the order of the header."""
        length = len(name)
        return [unfold(value) for key, value in self._lines if len(key) == length and key.lower() == name]

    def joined(self, name: bytes) -> bytes | None:
        """All fields `name` as one list, for destinations that occur several times (RFC 5322 §4.5.3)."""
        return b",".join(self.every(name)) if name in self._first else None

    def items(self) -> Iterator[tuple[bytes, bytes]]:
        """Name and unfolded value of every field in order."""
        return ((name, unfold(value)) for name, value in self._lines if name)


def read_header(
    data: bytes, start: int = 0, end: int | None = None, in_multipart: bool = False
) -> tuple[Header, int]:
    """The header of the entity at `data[start:end]` and the offset of its body, which is `end` where there is none."""
    end = len(data) if end is None else end
    body = _part_header_end(data, start, end) if in_multipart else _header_end(data, start, end)
    stop = min(body, start + MAX_HEADER)
    return Header(_LINE.findall(data, start, stop)), body


def field_values(header: bytes, lower: bytes, name: bytes) -> list[bytes]:
    """As `read_header(header)[0].every(name)`, for one name that is looked for in many headers; `lower` is `header.lower()`.

    A tenth of the time: a field begins with its name at the beginning of a line, and nothing else has to be taken apart.
    """
    if not name:
        return read_header(header)[0].every(name)
    stop = min(_header_end(header, 0, len(header)), MAX_HEADER)
    found: list[bytes] = []
    mark = b"\n" + name
    at = 0 if lower.startswith(name) else lower.find(mark, 0, stop) + 1 or -1
    while at >= 0:
        match = _LINE.match(header, at, stop)
        if match is not None and len(match[1] or b"") == len(name):
            found.append(unfold(match[2]))
        at = lower.find(mark, at, stop) + 1 or -1
    return found


def _header_end(data: bytes, start: int, end: int) -> int:
    """One past the empty line that ends a message's header; `start` where the message opens with its body."""
    if data.startswith((b"\r\n", b"\n"), start, end):
        return start + (1 if data[start] == 10 else 2)
    if _FIRST_LINE.match(data, start, end) is None:
        return start
    match = _EMPTY_LINE.search(data, start, end)
    return match.end() if match else end


def _part_header_end(data: bytes, start: int, end: int) -> int:
    """The same for a part of a multipart, where a line that is no field means that the empty line is missing.

    In a message it is rather a field torn in two, and there are more fields to come.
    """
    match = _PART_HEADER.match(data, start, end)
    return match.end() if match else start


def iterate_fields(data: bytes, start: int = 0, end: int | None = None) -> Iterator[Field]:
    """Every field in `data[start:end]`, which should be a header; lines that are no fields are passed over."""
    for match in _LINE.finditer(data, start, len(data) if end is None else end):
        if match[1]:
            yield Field(match[1], match[2].removesuffix(b"\r"), *match.span())


def unfold(value: bytes) -> bytes:
    """A field's value on one line, without the blanks around it (RFC 5322 §2.2.3)."""
    if b"\n" in value:
        value = _FOLD.sub(b"", value)
    return value.strip(b" \t\r\n")


def header_subset(header: bytes, names: Collection[bytes], invert: bool = False) -> bytes:
    """BODY[HEADER.FIELDS (names)], with `invert` HEADER.FIELDS.NOT (RFC 3501 §6.4.5); names compare without case.

    The octets of the fields are those of `header`, in its order; an empty line always follows.
    """
    wanted = {name.lower() for name in names}
    kept = [
        _whole_line(match[0])
        for match in _LINE.finditer(header)
        if match[1] and (match[1].lower() in wanted) is not invert
    ]
    return b"".join(kept) + b"\r\n"


def _whole_line(line: bytes) -> bytes:
    """With a line end, which the last line of a header cut short lacks."""
    return line if line.endswith(b"\n") else line.rstrip(b"\r") + b"\r\n"
