"""Parts of Content-Transfer-Encoding: binary (RFC 2045 §6.2), as protocols that know no NUL can tell of them."""

from __future__ import annotations

import binascii
from collections.abc import Iterator

from correo.mail.message.headers import iterate_fields
from correo.mail.message.part import Part
from correo.mail.message.scan import scan

LINE = 57  # octets that make a line of 76 characters of base64 (RFC 2045 §6.8)


def without_nul(data: bytes) -> bytes | None:
    """The message with its binary parts that hold NUL in base64; None where there is NUL in what must not be encoded.

    That is the least change after which IMAP can tell the message (RFC 3516 §4.4, §6): every other octet stays, but the
    encodings of the composite parts around, which were binary for the sake of those inside.
    """
    pieces: list[bytes] = []
    at = 0
    for start, end, new in _changes(data, scan(data)):
        pieces += (data[at:start], new)
        at = end
    pieces.append(data[at:])
    changed = b"".join(pieces)
    return None if b"\0" in changed else changed


def _changes(data: bytes, part: Part) -> Iterator[tuple[int, int, bytes]]:
    """Stretches and what takes their place, ascending. The header of a message embedded belongs to the part inside it."""
    if data.find(b"\0", part.body, part.end) < 0:
        return
    if part.encoding == "binary":
        span = _encoding_field(data, part)
        if span is not None:
            yield (*span, b"8bit" if part.children else b"base64")
            if not part.children:
                yield part.body, part.end, _base64(data[part.body : part.end])
    for child in part.children:
        yield from _changes(data, child)


def _encoding_field(data: bytes, part: Part) -> tuple[int, int] | None:
    """Where the word "binary" stands in the header of the part."""
    for field in iterate_fields(data, part.start, part.body):
        if field.name.lower() == b"content-transfer-encoding":  # the first counts
            word = data[field.start : field.end].lower().find(b"binary", len(field.name))
            return None if word < 0 else (field.start + word, field.start + word + len(b"binary"))
    return None


def _base64(octets: bytes) -> bytes:
    lines = [binascii.b2a_base64(octets[at : at + LINE], newline=False) for at in range(0, len(octets), LINE)]
    return b"\r\n".join(lines)
