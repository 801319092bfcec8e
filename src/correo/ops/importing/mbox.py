"""The mbox format: messages one behind the other, each after a line that begins with "From " (RFC 4155 appendix A)."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from enum import Enum
from typing import BinaryIO, NamedTuple

MAX_LINE = 64 * 1024  # octets that are looked at at once; longer lines come in pieces

_MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
# The sender, whatever he is, and a date as asctime(3) writes it, with or without seconds and zone.
_SEPARATOR = re.compile(
    rb"From (?:[^\n]* )?(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),? +(?P<month>[A-Z][a-z]{2}) +(?P<day>\d{1,2}) +"
    rb"(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2}))?(?P<zone1> +[A-Z]{1,5}| +[+-]\d{4})? +(?P<year>\d{4})"
    rb"(?P<zone2> +[A-Z]{1,5}| +[+-]\d{4})?\s*"
)
_MAX_SEPARATOR = 1000  # octets: no address is longer
_QUOTED = re.compile(rb">+From ")
_LENGTH = re.compile(rb"content-length:[ \t]*(\d{1,12})[ \t]*\r?\n", re.I)


class Quoting(Enum):
    """How a line of a message that begins with "From " was kept from looking like a separator."""

    MBOXRD = "mboxrd"  # ">" before it, and before those that begin with such signs and "From "
    MBOXO = "mboxo"  # ">" before it alone
    NONE = "none"  # not at all: nothing is taken away


class Raw(NamedTuple):
    """What stands between two separators."""

    offset: int  # of the separator in the file
    received: int | None  # µs UTC, of the separator
    octets: bytes  # with the lines as they end in the file
    too_long: bool  # then `octets` are only its beginning


def begins_as_mbox(octets: bytes) -> bool:
    return octets.startswith(b"From ")


def before_the_first(file: BinaryIO) -> str | None:
    """What is wrong with what stands before the first separator; None where there is nothing, as there should be."""
    skipped = False
    while line := file.readline(MAX_LINE):
        if is_separator(line):
            return (
                "it does not begin with a message: what stands before the first was left out"
                if skipped
                else None
            )
        skipped = skipped or not line.isspace()
    return 'no message begins in it: there is no line "From SENDER DATE"' if skipped else None


def messages(file: BinaryIO, limit: int, quoting: Quoting) -> Iterator[Raw]:
    """From a file that can be sought in; `limit` is that of one message. What stands before the first separator is none."""
    separator, offset = file.readline(MAX_LINE), 0
    while separator and not is_separator(separator):
        offset = file.tell()
        separator = file.readline(MAX_LINE)
    while separator:
        pieces, next_separator, too_long = _message(file, limit, quoting)
        end = file.tell() - len(next_separator)
        yield Raw(offset, received(separator), b"".join(pieces), too_long)
        separator, offset = next_separator, end


def _message(file: BinaryIO, limit: int, quoting: Quoting) -> tuple[list[bytes], bytes, bool]:
    """The lines up to the next separator, that separator (empty: the end of the file), and whether there were too many."""
    pieces: list[bytes] = []
    size, too_long, in_header, at_start, after_empty = 0, False, True, True, False
    length: int | None = None
    while line := file.readline(MAX_LINE):
        if in_header and at_start:
            if match := _LENGTH.fullmatch(line):
                length = int(match[1])
            elif line in (b"\n", b"\r\n"):
                in_header = False
        if after_empty and line.startswith(b"From ") and is_separator(line):
            pieces.pop()  # the empty line belongs to the separator
            return pieces, line, too_long
        after_empty = at_start and line in (b"\n", b"\r\n")
        # Only mboxrd quotes lines of headers, too; elsewhere they are what servers of old wrote in front of others' mail.
        if at_start and line.startswith(b">") and (quoting is Quoting.MBOXRD or not in_header):
            line = _unquoted(line, quoting)
        at_start = line.endswith(b"\n")
        size += len(line)
        too_long = too_long or size > limit
        if not too_long:
            pieces.append(line)
        elif after_empty:
            pieces.append(b"")  # to be taken away again
        if length is not None and not in_header:
            body, length = _of_length(file, length) if length <= limit else None, None
            if body is not None:
                return [*pieces, body[0]], body[1], False
    if after_empty and len(pieces) > 1:
        pieces.pop()
    return pieces, b"", too_long


def _of_length(file: BinaryIO, length: int) -> tuple[bytes, bytes] | None:
    """The body of so many octets and the separator behind it; None, and nothing is read, where there is none: it is a lie then."""
    start = file.tell()
    whole = file.seek(0, os.SEEK_END) >= start + length
    # The end is looked at first: or each of ten thousand lies would have us read what is long.
    file.seek(start + max(length - 1, 0))
    at_line = length == 0 or file.read(1) == b"\n"
    line = file.readline(MAX_LINE)
    if line in (b"\n", b"\r\n"):
        at_line, line = True, file.readline(MAX_LINE)
    end = file.tell()
    file.seek(start)
    if not whole or (line and not (at_line and is_separator(line))):
        return None
    body = file.read(length)
    file.seek(end)
    return body, line


def _unquoted(line: bytes, quoting: Quoting) -> bytes:
    if quoting is Quoting.NONE or not _QUOTED.match(line):
        return line
    return line[1:] if quoting is Quoting.MBOXRD or line.startswith(b">From ") else line


def is_separator(line: bytes) -> bool:
    return (
        line.startswith(b"From ") and len(line) <= _MAX_SEPARATOR and _SEPARATOR.fullmatch(line) is not None
    )


def received(separator: bytes) -> int | None:
    """When the message came (µs UTC); without a zone it was written in that of this machine, as programs do. None: no such day."""
    match = _SEPARATOR.fullmatch(separator)
    if match is None or (month := match["month"].decode()) not in _MONTHS:
        return None
    fields = (int(match[name] or 0) for name in ("year", "day", "hour", "minute", "second"))
    year, day, hour, minute, second = fields
    try:
        when = datetime(year, _MONTHS.index(month) + 1, day, hour, minute, min(second, 59))
        zoned = _zoned(when, (match["zone2"] or match["zone1"] or b"").strip().decode())
        return round(zoned.timestamp()) * 1_000_000
    except (ValueError, OverflowError, OSError):
        return None


def _zoned(when: datetime, zone: str) -> datetime:
    if zone[:1] in ("+", "-") and zone:
        minutes = int(zone[1:3]) * 60 + int(zone[3:5])
        return when.replace(tzinfo=timezone(timedelta(minutes=-minutes if zone[0] == "-" else minutes)))
    if zone in ("GMT", "UTC", "UT"):
        return when.replace(tzinfo=UTC)
    return when.astimezone()
