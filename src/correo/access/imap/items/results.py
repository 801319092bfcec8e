"""What RETURN (...) can be asked for, a row each (RFC 4731 §3.1, RFC 5267 §3.1, RFC 9394 §3.1), and what SAVE keeps."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from correo.access.imap.items.search.facts import Facts
from correo.access.imap.view import View
from correo.wire.imap.results import Results, esearch, in_order
from correo.wire.imap.types import SequenceSet

# In the order in which they are told. None: nothing is told, as of an empty result.
ITEMS: dict[str, Callable[[Sequence[int], Results], str | None]] = {
    "MIN": lambda told, results: str(told[0]) if told else None,
    "MAX": lambda told, results: str(told[-1]) if told else None,
    "COUNT": lambda told, results: str(len(told)),
    "ALL": lambda told, results: in_order(told) or None,
    "PARTIAL": lambda told, results: _partial(told, results),
}


class Hit(NamedTuple):
    """What a result may tell of a message that was found."""

    modseq: int
    relevancy: int


def hit(facts: Facts) -> Hit:
    return Hit(facts.row.modseq, facts.relevancy)


def highest(hits: Mapping[int, Hit], results: Results | None) -> int:
    """The highest modseq of what is told (RFC 7162 §3.1.5, RFC 4731 §3.2), 0 for nothing."""
    told = hits if results is None else saved(list(hits), results)
    return max((hits[number].modseq for number in told), default=0)


def answer(
    tag: str,
    view: View,
    hits: Mapping[int, Hit],
    results: Results,
    *,
    uid: bool,
    modseq: int = 0,
    where: bytes = b"",
) -> bytes:
    """ESEARCH for the messages that were found, by number and in their order; SAVE alone answers nothing and keeps them (RFC 5182).

    `modseq`: the highest of them where that was asked for (RFC 4731 §3.2), else 0. `where`: see `esearch`.
    """
    numbers = list(hits)
    if "SAVE" in results:
        view.saved = SequenceSet.from_numbers(view.uids[number - 1] for number in saved(numbers, results))
        if results.silent:
            return b""
    told = [view.uids[number - 1] for number in numbers] if uid else numbers
    items = ((word, row(told, results)) for word, row in ITEMS.items() if word in results)
    found: list[tuple[str, object]] = [(word, value) for word, value in items if value is not None]
    if "RELEVANCY" in results:
        some = results.window.cut(numbers) if results.window else numbers
        found.append(("RELEVANCY", f"({' '.join(str(hits[number].relevancy) for number in some)})"))
    if modseq:
        found.append(("MODSEQ", modseq))
    return esearch(tag, uid, found, where)


def saved(numbers: Sequence[int], results: Results) -> list[int]:
    """Which of the results `$` stands for (RFC 5182 §2.4, RFC 9394 §3.2)."""
    if not numbers or "ALL" in results or "COUNT" in results:
        return list(numbers)
    some: list[int] = []
    if "MIN" in results:
        some.append(numbers[0])
    if "MAX" in results:
        some.append(numbers[-1])
    if results.window is not None:
        some += results.window.cut(numbers)
    return some if results.words.intersection(("MIN", "MAX", "PARTIAL")) else list(numbers)


def _partial(told: Sequence[int], results: Results) -> str | None:
    if results.window is None:
        return None
    return f"({results.window} {in_order(results.window.cut(told)) or 'NIL'})"
