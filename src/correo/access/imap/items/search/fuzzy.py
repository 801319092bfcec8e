"""FUZZY (RFC 6203): keys that look for text match what is like it, others match exactly; and how relevant a match is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from correo.access.imap.items.search.facts import Facts
from correo.access.imap.items.search.logic import CompileKey
from correo.access.imap.items.search.row import Compiled, Mailbox, More
from correo.mail.message import decode_words, folded
from correo.mail.message.likeness import EXACT, Wanted
from correo.wire.imap.search import And, Body, Fuzzy, Header, Key, Not, Or, Text

_PARTS = frozenset({"parts"})


def rows(compile_key: CompileKey) -> dict[type[Any], Callable[[Any, Mailbox], Compiled]]:
    """The row; `compile_key` is the whole table, to which it belongs itself."""

    def fuzzy(key: Fuzzy, box: Mailbox) -> Compiled:
        inner = key.key
        if isinstance(inner, And | Or):
            return compile_key(type(inner)(tuple(Fuzzy(part) for part in inner.keys)), box)
        if isinstance(inner, Not):  # what is not like it would be nearly everything
            return compile_key(inner, box)
        if isinstance(inner, Header):
            return _header(inner)
        if isinstance(inner, Body | Text):
            return _contains(inner)
        return _exactly(inner, compile_key(inner, box))

    return {Fuzzy: fuzzy}


def _exactly(key: Key, compiled: Compiled) -> Compiled:
    def test(facts: Facts) -> bool | None:
        verdict = compiled.test(facts)
        if verdict:
            facts.scores[key] = EXACT
        return verdict

    return compiled._replace(test=test)


def _header(key: Header) -> Compiled:
    name = key.name.encode("utf-8", "surrogateescape")
    wanted = Wanted(folded(key.text))

    def test(facts: Facts) -> bool | None:
        if facts.header is None:
            return None
        values = facts.fields(facts.header).every(name)
        facts.scores[key] = max((wanted.likeness(folded(decode_words(value))) for value in values), default=0)
        return facts.scores[key] > 0

    return Compiled(test, frozenset({More.HEADER}))


def _contains(key: Body | Text) -> Compiled:
    wanted = Wanted(folded(key.text))

    def test(facts: Facts) -> bool | None:
        if facts.raw is None or facts.root is None:
            return None
        texts = facts.texts(facts.raw, facts.root, isinstance(key, Text))
        facts.scores[key] = max((wanted.likeness(text) for text in texts), default=0)
        return facts.scores[key] > 0

    return Compiled(test, frozenset({More.MESSAGE}), _PARTS)
