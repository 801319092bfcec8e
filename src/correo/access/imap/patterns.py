"""LIST's wildcards (RFC 3501 §6.3.8), in time linear in the length of a name whatever the patterns are."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

from correo.access.imap.namespaces import canonical, inbox_at
from correo.mailbox import INBOX, SEPARATOR

MAX_PATTERN = (
    1_024  # characters with wildcards in one command; longer than any name, and it bounds the bits below
)

_WILD_RUN = re.compile(r"[*%]{2,}")


def compile_pattern(pattern: str, separator: str = SEPARATOR) -> Callable[[str], bool]:
    """Whether a whole name matches: `*` stands for anything, `%` for anything without the separator.

    INBOX matches in any case, alone and as the first level of other names (RFC 3501 §5.1), whoever's it is. Names are as they
    are kept.
    """
    return compile_patterns((pattern,), separator)


def compile_patterns(patterns: Iterable[str], separator: str = SEPARATOR) -> Callable[[str], bool]:
    """Whether a name matches one of them at least. What goes beyond MAX_PATTERN is left out, as RFC 5258 §3 allows."""
    exact: set[str] = set()
    wild: list[str] = []
    room = MAX_PATTERN
    for pattern in patterns:
        pattern = _WILD_RUN.sub(lambda run: "*" if "*" in run[0] else "%", canonical(pattern))
        if pattern == "*":
            return lambda name: True
        if "*" not in pattern and "%" not in pattern:
            exact.add(pattern)
        elif len(pattern) <= room:
            room -= len(pattern)
            wild.append(pattern)
    if not wild:
        return exact.__contains__
    automaton = _Automaton(wild, separator)
    return lambda name: name in exact or automaton.matches(name)


class _Automaton:
    """All the positions of the patterns that the name read so far can have reached, as the bits of one integer.

    The patterns stand side by side, each with a bit more for its end, where nothing goes on.
    """

    def __init__(self, patterns: Sequence[str], separator: str) -> None:
        self._separator = separator
        self._literal: dict[str, int] = {}  # where a character stands in the patterns
        self._start = self._end = self._star = self._percent = 0
        bit = 1
        for pattern in patterns:
            self._start |= bit
            for character in pattern:
                if character == "*":
                    self._star |= bit
                elif character == "%":
                    self._percent |= bit
                else:
                    self._literal[character] = self._literal.get(character, 0) | bit
                bit <<= 1
            self._end |= bit
            bit <<= 1
        self._wild = self._star | self._percent

    def matches(self, name: str) -> bool:
        inbox = inbox_at(name)
        reached = self._skipped(self._start)
        for at, character in enumerate(name):
            stay = self._star if character == self._separator else self._wild
            literal = self._literal.get(character, 0)
            if inbox <= at < inbox + len(INBOX) and inbox >= 0:
                literal |= self._literal.get(character.lower(), 0)
            reached = (reached & stay) | ((reached & literal) << 1)
            if not reached:
                return False
            reached = self._skipped(reached)
        return bool(reached & self._end)

    def _skipped(self, reached: int) -> int:
        """A wildcard may stand for nothing; no two stand side by side, so one step is enough."""
        return reached | ((reached & self._wild) << 1)
