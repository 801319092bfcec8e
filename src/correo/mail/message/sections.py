"""FETCH sections (RFC 3501 §6.4.5, RFC 9051 §6.4.5.1): which slice of the message a part number names."""

from __future__ import annotations

from typing import Literal

from correo.mail.message.part import Part

What = Literal["", "HEADER", "TEXT", "MIME"]


def resolve(root: Part, path: tuple[int, ...], what: What = "") -> tuple[int, int] | None:
    """`BODY[1.2.MIME]` is `resolve(root, (1, 2), "MIME")`: start and end of the slice, None where there is no such.

    HEADER and TEXT after a part number want a message there, MIME wants a part number. The header ends with its empty
    line; HEADER.FIELDS is `header_subset` of the slice of HEADER.
    """
    if not path:
        return _whole(root, what)
    part = find_part(root, path)
    if part is None:
        return None
    if what == "":
        return part.body, part.end
    if what == "MIME":
        return part.start, part.body
    return None if part.message is None else _whole(part.message, what)


def find_part(root: Part, path: tuple[int, ...]) -> Part | None:
    """The part with this number; a message that is no multipart is its own part 1."""
    part, numbered = root, _numbered(root)
    for number in path:
        if not 1 <= number <= len(numbered):
            return None
        part = numbered[number - 1]
        numbered = part.children if part.message is None else _numbered(part.message)
    return part


def _numbered(message: Part) -> tuple[Part, ...]:
    return message.children if message.is_multipart else (message,)


def _whole(message: Part, what: What) -> tuple[int, int] | None:
    if what == "HEADER":
        return message.start, message.body
    if what == "TEXT":
        return message.body, message.end
    return (message.start, message.end) if what == "" else None
