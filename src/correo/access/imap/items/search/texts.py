"""SEARCH keys that look for text (RFC 3501 §6.4.4): substrings of what a reader sees, in any case of letters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from correo.access.imap.items.search.facts import Facts
from correo.access.imap.items.search.row import Compiled, Mailbox, More
from correo.mail.message import decode_words, searchable
from correo.wire.imap.search import Body, Header, Text


def header(key: Header, box: Mailbox) -> Compiled:
    name = key.name.encode("utf-8", "surrogateescape")
    needle = key.text.casefold()
    word = needle.encode("ascii") if needle.isascii() and not any(map(str.isspace, needle)) else b""

    def test(facts: Facts) -> bool | None:
        octets = facts.header
        if octets is None:
            return None
        if word and not facts.may_hold(octets, word):
            return False
        return any(needle in decode_words(value).casefold() for value in facts.fields(octets).every(name))

    return Compiled(test, frozenset({More.HEADER}))


def body(key: Body, box: Mailbox) -> Compiled:
    return _contains(key.text, headers=False)


def text(key: Text, box: Mailbox) -> Compiled:
    return _contains(key.text, headers=True)


def _contains(wanted: str, *, headers: bool) -> Compiled:
    needle = wanted.casefold()

    def test(facts: Facts) -> bool | None:
        if facts.raw is None or facts.root is None:
            return None
        return not needle or any(
            needle in found.casefold() for found in searchable(facts.raw, facts.root, headers)
        )

    return Compiled(test, frozenset({More.MESSAGE}))


ROWS: dict[type[Any], Callable[[Any, Mailbox], Compiled]] = {Body: body, Header: header, Text: text}
