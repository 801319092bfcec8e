"""The other way round: the addresses of an ENVELOPE in wire form (RFC 3501 §7.4.2), for those who have no more of a header."""

from __future__ import annotations

import re
from enum import IntEnum
from typing import NamedTuple

from correo.mail.message.words import decode_words

# A string, NIL, or a parenthesis; a literal says how long it is and is taken by hand.
_TOKEN = re.compile(rb' *+(?:"([^"\\]*+(?:\\.[^"\\]*+)*)"|(NIL)|\{(\d{1,9})\}\r\n|([()]))', re.DOTALL)
_ESCAPED = re.compile(rb"\\(.)", re.DOTALL)


class Element(IntEnum):
    """Where a list of addresses stands in the envelope."""

    FROM = 2
    TO = 5
    CC = 6


class First(NamedTuple):
    """The first address of a field, or the name of its first group; all None where there is none."""

    name: bytes | None = None
    mailbox: bytes | None = None
    host: bytes | None = None

    @property
    def local(self) -> str:
        """For the keys FROM, TO and CC of RFC 5256 §3."""
        return (self.mailbox or b"").decode("utf-8", "replace")

    @property
    def display(self) -> str:
        """As RFC 5957 §3 puts it."""
        shown = decode_words(self.name) if self.name else ""
        if shown or self.mailbox is None:
            return shown
        octets = self.mailbox if self.host is None else self.mailbox + b"@" + self.host
        return octets.decode("utf-8", "replace")


def first_address(envelope: bytes, wanted: Element) -> First:
    """`envelope`: what `message.envelope` made; in what is not of that form nobody is found."""
    words: list[bytes | None] = []
    depth, element, at = 0, -1, 0
    while element <= wanted and (match := _TOKEN.match(envelope, at)):
        at = match.end()
        kind = match.lastindex
        if kind == 4:
            depth += 1 if match[4] == b"(" else -1
            element += match[4] == b"(" and depth == 2
            continue
        value: bytes | None = None
        if kind == 1:
            value = match[1]
        elif kind == 3:
            value = envelope[at : at + int(match[3])]
            at += len(value)
        if depth == 1:
            element += 1
        elif depth == 3 and element == wanted:
            words.append(_ESCAPED.sub(rb"\1", value) if value and kind == 1 and b"\\" in value else value)
            if len(words) == 4:
                return First(words[0], words[2], words[3])
    return First()
