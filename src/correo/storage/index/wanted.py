"""What is sought, and how an index of trigrams is asked for it. Pure.

A text that holds a needle holds each three characters of it that follow each other: that is what the index knows. All that
is left out of a question only makes the answer longer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

SHORTEST = 3  # characters of a needle; of a shorter one the index knows nothing
OF_ONE_NEEDLE = 16  # trigrams, spread over it: as many find as few documents as all of them would
OF_A_QUESTION = 96  # trigrams; the engine takes expressions of at most 256 levels


@dataclass(frozen=True, slots=True)
class AllOf:
    parts: tuple[Wanted, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    parts: tuple[Wanted, ...]


Wanted: TypeAlias = str | AllOf | AnyOf


def indexable(text: str) -> str:
    """Character for character what can be stored: so a needle is in a text still if it was before."""
    if "\0" in text:
        text = text.replace("\0", "\ufffd")
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def expression(wanted: Wanted) -> str | None:
    """The question in the language of FTS5; None where it would leave out no document."""
    asked = _asked(wanted, OF_A_QUESTION)
    return None if asked is None else asked[0]


def _asked(wanted: Wanted, room: int) -> tuple[str, int] | None:
    """An expression of at most `room` trigrams, and how many there are in it."""
    if isinstance(wanted, str):
        trigrams = _trigrams(indexable(wanted))[:room]
        return (" AND ".join(map(_quoted, trigrams)), len(trigrams)) if trigrams else None
    found: list[str] = []
    count = 0
    for part in wanted.parts:
        asked = _asked(part, room - count)
        if asked is not None:
            found.append(asked[0])
            count += asked[1]
        elif isinstance(wanted, AnyOf):
            return None  # what this part would find must not be left out
    word = " AND " if isinstance(wanted, AllOf) else " OR "
    return (word.join(f"({part})" for part in found), count) if found else None


def _trigrams(needle: str) -> list[str]:
    places = len(needle) - SHORTEST + 1
    if places <= 0:
        return []
    count = min(places, OF_ONE_NEEDLE)
    starts = (place * (places - 1) // max(1, count - 1) for place in range(count))
    return list(dict.fromkeys(needle[start : start + SHORTEST] for start in starts))


def _quoted(trigram: str) -> str:
    return '"' + trigram.replace('"', '""') + '"'
