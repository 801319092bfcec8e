"""How like the words that somebody looks for are to a text, for FUZZY (RFC 6203): misspelt, in another order, not all there."""

from __future__ import annotations

import re

EXACT = 100
NEARLY = 0.6  # of the three-letter runs of a word that another must share to be taken for it: `helo` shares 3 of 4 with `hello`
ENOUGH = 0.5  # of the words that a text must have, or words like them
MAX_WORDS = 20  # of what is looked for; the rest does not count
MAX_LETTERS = 40  # of one word that are compared

_WORD = re.compile(r"\w+")


class Wanted:
    """Words to look for, folded as the texts are in which they are looked for."""

    def __init__(self, needle: str) -> None:
        self._needle = needle
        self._words = list(dict.fromkeys(_WORD.findall(needle)))[:MAX_WORDS]
        self._runs = [(word, _runs(word)) for word in self._words]

    def likeness(self, text: str) -> int:
        """0 where it is not like it, else 1 to EXACT. Time grows with the length of the text."""
        if self._needle in text:
            return EXACT
        missing = [(word, runs) for word, runs in self._runs if word not in text]
        score = float(len(self._runs) - len(missing))
        if missing:
            there = [_runs(word) for word in set(_WORD.findall(text))]
            for _, runs in missing:
                nearest = max(
                    (len(runs & others) / max(len(runs), len(others)) for others in there), default=0.0
                )
                score += nearest if nearest >= NEARLY else 0.0
        share = score / len(self._runs) if self._runs else 0.0
        return max(1, min(EXACT - 1, round(EXACT * share))) if share >= ENOUGH else 0


def _runs(word: str) -> frozenset[str]:
    padded = f" {word[:MAX_LETTERS]} "
    return frozenset(padded[at : at + 3] for at in range(len(padded) - 2))
