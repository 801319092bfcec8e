"""Parts of Content-Transfer-Encoding: binary (RFC 2045 §6.2), as protocols that know no NUL can tell of them."""

from __future__ import annotations

import binascii
from collections.abc import Iterable, Iterator

from correo.mail.message.headers import iterate_fields
from correo.mail.message.part import Part
from correo.mail.message.scan import scan

_Change = tuple[int, int, bytes]  # a stretch and what takes its place; several ascend

MAX_LINE = 998  # octets without CR LF (RFC 5322 §2.1.1)
LINE = 57  # octets that make a line of 76 characters of base64 (RFC 2045 §6.8)


def without_nul(data: bytes) -> bytes | None:
    """The message with its binary parts that hold NUL in base64; None where there is NUL in what must not be encoded.

    That is the least change after which IMAP can tell the message (RFC 3516 §4.4, §6): every other octet stays, but the
    encodings of the composite parts around, which were binary for the sake of those inside.
    """
    changed = _applied(data, _spoilt(data, scan(data)))
    return None if b"\0" in changed else changed


def as_lines(data: bytes) -> bytes | None:
    """The message as lines of text that end in CR LF, for those who know nothing else (RFC 3030 §3).

    Binary parts that are no such text are put in base64; no part says any more that it is binary. None where that is not enough.
    """
    changed = _applied(data, _binary(data, scan(data)))
    return changed if _is_text(changed) else None


def _applied(data: bytes, changes: Iterable[_Change]) -> bytes:
    pieces: list[bytes] = []
    at = 0
    for start, end, new in changes:
        pieces += (data[at:start], new)
        at = end
    pieces.append(data[at:])
    return b"".join(pieces)


def _spoilt(data: bytes, part: Part) -> Iterator[_Change]:
    """The header of a message embedded belongs to the part inside it."""
    if data.find(b"\0", part.body, part.end) < 0:
        return
    if part.encoding == "binary":
        yield from _encoded(data, part)
    for child in part.children:
        yield from _spoilt(data, child)


def _binary(data: bytes, part: Part) -> Iterator[_Change]:
    if part.encoding == "binary":
        span = _encoding_field(data, part)
        body = data[part.body : part.end]
        if span and not part.children and _is_text(body) and _is_short(body):
            yield (*span, b"8bit")
        else:
            yield from _encoded(data, part)
    for child in part.children:
        yield from _binary(data, child)


def _encoded(data: bytes, part: Part) -> Iterator[_Change]:
    span = _encoding_field(data, part)
    if span is not None:
        yield (*span, b"8bit" if part.children else b"base64")
        if not part.children:
            yield part.body, part.end, _base64(data[part.body : part.end])


def _is_text(octets: bytes) -> bool:
    breaks = octets.count(b"\r\n")
    return b"\0" not in octets and octets.count(b"\n") == breaks == octets.count(b"\r")


def _is_short(text: bytes) -> bool:
    """Whether no line is too long. From break to break, for a list of the lines may be many times as large as the text."""
    start = 0
    while len(text) - start > MAX_LINE:
        end = text.rfind(b"\r\n", start, start + MAX_LINE + 2)
        if end < 0:
            return False
        start = end + 2
    return True


def _encoding_field(data: bytes, part: Part) -> tuple[int, int] | None:
    """Where the encoding stands in the header of the part, with any comments, in which the same word may stand."""
    for field in iterate_fields(data, part.start, part.body):
        if field.name.lower() == b"content-transfer-encoding":  # the first counts
            start = data.index(b":", field.start) + 1
            value = data[start : field.end]
            return start + len(value) - len(value.lstrip()), start + len(value.rstrip())
    return None


def _base64(octets: bytes) -> bytes:
    lines = [binascii.b2a_base64(octets[at : at + LINE], newline=False) for at in range(0, len(octets), LINE)]
    return b"\r\n".join(lines)
