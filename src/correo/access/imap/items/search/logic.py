"""AND, OR, NOT (RFC 3501 §6.4.4) over tests that may not know yet."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from correo.access.imap.items.search.facts import Facts
from correo.access.imap.items.search.row import Compiled, Mailbox
from correo.wire.imap.search import And, Filter, Key, Not, Or

CompileKey = Callable[[Key, Mailbox], Compiled]


def rows(compile_key: CompileKey) -> dict[type[Any], Callable[[Any, Mailbox], Compiled]]:
    """The rows; `compile_key` is the whole table, to which they belong themselves."""

    def parts(keys: Sequence[Key], box: Mailbox) -> list[Compiled]:
        return sorted((compile_key(key, box) for key in keys), key=lambda compiled: compiled.cost)

    def and_(key: And, box: Mailbox) -> Compiled:
        return _until(parts(key.keys, box), stop=False)

    def or_(key: Or, box: Mailbox) -> Compiled:
        return _until(parts(key.keys, box), stop=True)

    def not_(key: Not, box: Mailbox) -> Compiled:
        inner = compile_key(key.key, box)

        def test(facts: Facts) -> bool | None:
            verdict = inner.test(facts)
            return None if verdict is None else not verdict

        return Compiled(test, inner.needs, inner.columns)

    def filter_(key: Filter, box: Mailbox) -> Compiled:
        raise AssertionError("a filter is replaced by what it stands for before a search begins")

    return {And: and_, Or: or_, Not: not_, Filter: filter_}


def _until(parts: list[Compiled], *, stop: bool) -> Compiled:
    """All (`stop=False`) or any (`stop=True`): the first part that says `stop` decides."""
    tests = [part.test for part in parts]

    def test(facts: Facts) -> bool | None:
        verdict: bool | None = not stop
        for one in tests:
            said = one(facts)
            if said is stop:
                return stop
            if said is None:
                verdict = None
        return verdict

    needs = frozenset(need for part in parts for need in part.needs)
    return Compiled(test, needs, frozenset(column for part in parts for column in part.columns))
