"""Sentences of a grammar, for inputs that get past the first word; and new inputs that are made of them.

A rule is alternatives of octets in which `<name>` stands for another rule. `<n>` and the like are drawn from a few, so that sentences
have something to do with each other.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from random import Random

from tests.fuzz.mutation import mutated
from tests.fuzz.target import Change

Grammar = Mapping[str, tuple[str, ...]]

DEPTH = 8  # rules in one another, after which the first alternative is taken
_NAME = re.compile(r"<([a-z-]+)>")


def sentence(dice: Random, grammar: Grammar, rule: str = "line", depth: int = 0) -> str:
    """Recursive rules have an end as their first alternative."""
    alternatives = grammar[rule]
    chosen = alternatives[0] if depth > DEPTH else dice.choice(alternatives)
    return _NAME.sub(lambda found: sentence(dice, grammar, found[1], depth + 1), chosen)


def line(dice: Random, grammar: Grammar) -> bytes:
    return sentence(dice, grammar).encode("latin-1")


def scene(dice: Random, grammar: Grammar, most: int) -> bytes:
    """A whole input."""
    return b"".join(line(dice, grammar) for _ in range(dice.randint(1, 9)))[:most]


def changed(words: tuple[bytes, ...], grammar: Grammar, dice: Random, octets: bytes, most: int) -> bytes:
    """Lines come and go as wholes; now and then octets change as well."""
    lines = octets.splitlines(keepends=True)
    for _ in range(dice.randint(1, 3)):
        at = dice.randint(0, len(lines))
        match dice.randrange(6):
            case 0 | 1 | 2:
                lines.insert(at, line(dice, grammar))
            case 3 if lines:
                lines[min(at, len(lines) - 1)] = line(dice, grammar)
            case 4 if lines:
                del lines[min(at, len(lines) - 1)]
            case _ if lines:
                lines.insert(at, dice.choice(lines))
    octets = b"".join(lines)[:most]
    return mutated(dice, [octets], words, most) if dice.random() < 0.3 else octets


def changes(words: tuple[bytes, ...], grammar: Grammar) -> Change:
    return partial(changed, words, grammar)
