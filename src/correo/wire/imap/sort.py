"""What SORT is asked to sort by (RFC 5256 §5), one row per key."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from correo.wire.imap.grammar import Arguments, SyntaxFault

MAX_CRITERIA = 20  # of one SORT; each is a pass over the result, and there are not so many keys

KEYS = ("ARRIVAL", "CC", "DATE", "DISPLAYFROM", "DISPLAYTO", "FROM", "RELEVANCY", "SIZE", "SUBJECT", "TO")


class Criterion(NamedTuple):
    key: str
    reverse: bool = False


def sort_criteria(args: Arguments, keys: Collection[str] = KEYS) -> tuple[Criterion, ...]:
    """`"(" ["REVERSE" SP] sort-key *(SP ...) ")"`; a key that comes again changes nothing. Raises SyntaxFault."""
    found: dict[str, Criterion] = {}

    def criterion(args: Arguments) -> None:
        reverse = args.take_word("REVERSE")
        if reverse:
            args.sp()
        key = args.word()
        if key not in keys:
            raise SyntaxFault("there is no such sort key")
        found.setdefault(key, Criterion(key, reverse))

    if len(args.paren_list(criterion)) > MAX_CRITERIA:
        raise SyntaxFault(f"more than {MAX_CRITERIA} sort keys")
    return tuple(found.values())
