"""The header of a message that arrives: where it ends, fields taken out of it, and whether lists of addresses are well formed."""

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


# RFC 5322 §3.4 with what its §4 asks readers to take and mail programs do write: dots in names, empty places in lists. Octets over
# 127 stand where letters may (RFC 6532). Possessive, so that no input makes it go back far.
_TEXT = rb"[^()\\]"
_COMMENT = rb"\((?:T|\\.|\((?:T|\\.|\((?:T|\\.)*+\))*+\))*+\)".replace(b"T", _TEXT)  # three deep
_BLANK = rb"(?:[ \t]|%b)*+" % _COMMENT
_ATOM = rb"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\x80-\xff-]++"
_DOT_ATOM = rb"%b(?:\.%b)*+" % (_ATOM, _ATOM)
_QUOTED = rb'"(?:[^"\\]|\\.)*+"'
_DOMAIN = rb"(?:%b|\[[!-Z^-~]*+\])" % _DOT_ATOM
_ADDRESS = rb"(?:%b|%b)B@B%b".replace(b"B", _BLANK) % (_DOT_ATOM, _QUOTED, _DOMAIN)
_PHRASE = rb"(?:%b|%b|\.|B)++".replace(b"B", rb"[ \t]|" + _COMMENT) % (_ATOM, _QUOTED)
_MAILBOX = rb"B(?:%b|(?:%b)?<B%bB>)B".replace(b"B", _BLANK) % (_ADDRESS, _PHRASE, _ADDRESS)

_ONE = re.compile(_MAILBOX)
_GROUP = re.compile(rb"%b:" % _PHRASE)
_SKIP = re.compile(_BLANK)


def is_address_list(value: bytes, *, groups: bool = True) -> bool:
    """Whether an unfolded field value is a list of at least one address; with `groups`, a group counts as one."""
    position = found = 0
    in_group = False
    while position < len(value):
        if match := _ONE.match(value, position):
            found += 1
        elif groups and not in_group and (match := _GROUP.match(value, position)):
            found += 1
            position = match.end()
            in_group = True
            continue
        else:
            match = _SKIP.match(value, position)
            assert match is not None  # it matches nothing at all, too
        position = match.end()
        if in_group and value.startswith(b";", position):
            in_group = False
            closed = _SKIP.match(value, position + 1)
            assert closed is not None
            position = closed.end()
        if position < len(value):
            if not value.startswith(b",", position):
                return False
            position += 1
    return found > 0 and not in_group
