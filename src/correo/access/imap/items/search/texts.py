"""SEARCH keys that look for text (RFC 3501 §6.4.4): substrings of what a reader sees, in any case of letters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from correo.access.imap.items.search.facts import Facts
from correo.access.imap.items.search.row import Compiled, Mailbox, More
from correo.mail.message import decode_words, folded
from correo.wire.imap.search import Body, Header, Text

_PARTS = frozenset({"parts"})


def header(key: Header, box: Mailbox) -> Compiled:
    name = key.name.encode("utf-8", "surrogateescape")
    needle = folded(key.text)
    words = needle.encode("ascii").split() if needle.isascii() else []

    def test(facts: Facts) -> bool | None:
        octets = facts.header
        if octets is None:
            return None
        if not facts.may_hold(octets, words):
            return False
        return any(needle in folded(decode_words(value)) for value in facts.values(octets, name))

    return Compiled(test, frozenset({More.HEADER}))


def body(key: Body, box: Mailbox) -> Compiled:
    return _contains(key.text, headers=False)


def text(key: Text, box: Mailbox) -> Compiled:
    return _contains(key.text, headers=True)


def _contains(wanted: str, *, headers: bool) -> Compiled:
    needle = folded(wanted)

    def test(facts: Facts) -> bool | None:
        if facts.raw is None or facts.root is None:
            return None
        return not needle or any(needle in text for text in facts.texts(facts.raw, facts.root, headers))

    return Compiled(test, frozenset({More.MESSAGE}), _PARTS)


ROWS: dict[type[Any], Callable[[Any, Mailbox], Compiled]] = {Body: body, Header: header, Text: text}
