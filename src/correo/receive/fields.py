"""The header of a message that arrives: where it ends, and fields taken out of it."""

from __future__ import annotations

import re
from collections.abc import Collection

from correo.mail.message import iterate_fields

_EMPTY_LINE = b"\r\n\r\n"
_FIELD = re.compile(
    rb"[!-9;-~]++[ \t]*+:|>?From "
)  # what a header begins with; the latter is left by mbox files


def take_header(chunks: list[bytes], limit: int) -> bytes | None:
    """The header with the empty line that ends it, taken out of `chunks`; None where it is longer than `limit`.

    b"" is a message that opens with its body.
    """
    taken = 0
    text = b""
    while taken < len(chunks) and len(text) <= limit:
        text = chunks[taken] if not taken else text + chunks[taken]
        taken += 1
        if taken == 1 and not _FIELD.match(text):
            return _split(chunks, taken, text, 2 if text.startswith(b"\r\n") else 0)
        end = text.find(_EMPTY_LINE)
        if end >= 0:
            size = end + len(_EMPTY_LINE)
            return _split(chunks, taken, text, size) if size <= limit else None
    return _split(chunks, taken, text, len(text)) if len(text) <= limit else None


def _split(chunks: list[bytes], taken: int, text: bytes, size: int) -> bytes:
    chunks[:taken] = [text[size:]]
    return text[:size]


def without(header: bytes, names: Collection[bytes]) -> bytes:
    """`header` less the fields of these names (in lower case), else as it was."""
    kept: list[bytes] = []
    position = 0
    for field in iterate_fields(header):
        if field.name.lower() in names:
            kept.append(header[position : field.start])
            position = field.end
    return b"".join((*kept, header[position:]))
