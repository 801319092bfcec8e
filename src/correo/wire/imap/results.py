"""What of its result a SEARCH or SORT is asked to tell, and ESEARCH, which tells it (RFC 4731, RFC 4466 §2.6)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

from correo.wire.imap import encode
from correo.wire.imap.fetch import FetchItem, Row, fetch_items
from correo.wire.imap.grammar import Arguments, SyntaxFault
from correo.wire.imap.search import Filter, Fuzzy, Key, mentions

T = TypeVar("T")

_WORDS = ("MIN", "MAX", "ALL", "COUNT", "SAVE", "PARTIAL", "RELEVANCY", "UPDATE", "CONTEXT")


class Window(NamedTuple):
    """`partial-range` (RFC 9394 §4): the results from the first to the last, counted from 1, or from -1 backwards."""

    first: int
    last: int

    def within(self, count: int) -> range:
        """The indices in it, of so many results."""
        low, high = sorted((self.first, self.last))
        if low < 0:
            low, high = max(low + count + 1, 1), high + count + 1
        return range(min(low - 1, count), max(0, min(high, count)))

    def cut(self, results: Sequence[T]) -> Sequence[T]:
        """Those of the results that lie in it, in their own order."""
        inside = self.within(len(results))
        return results[inside.start : inside.stop]

    def __str__(self) -> str:
        return f"{self.first}:{self.last}"


@dataclass(frozen=True, slots=True)
class Results:
    """`RETURN (...)`: its words in capitals; `window` belongs to PARTIAL, and `items` of new messages to UPDATE (RFC 5465 §7)."""

    words: frozenset[str]
    window: Window | None = None
    items: tuple[FetchItem, ...] = ()

    def __contains__(self, word: str) -> bool:
        return word in self.words

    @property
    def silent(self) -> bool:
        """Nothing is told, the result is kept (RFC 5182 §2.4); CONTEXT is but a hint (RFC 5267 §4.2)."""
        return "SAVE" in self.words and self.words <= {"SAVE", "CONTEXT", "UPDATE"}

    def check(self, key: Key) -> None:
        """Raises SyntaxFault where the search that comes with it does not say what it asks for."""
        if "RELEVANCY" in self.words and not (mentions(key, Fuzzy) or mentions(key, Filter)):  # RFC 6203 §4
            raise SyntaxFault("RELEVANCY goes with FUZZY")


def read_results(args: Arguments, rows: Mapping[str, Row] | None = None) -> Results | None:
    """`["RETURN" SP "(" [search-return-opt *(SP search-return-opt)] ")" SP]`; None where there is none. Raises SyntaxFault.

    `rows`: of the items that FETCH knows.
    """
    if not args.take_word("RETURN"):
        return None
    windows: list[Window] = []
    items: list[FetchItem] = []

    def option(args: Arguments) -> str:
        word = args.word()
        if word not in _WORDS:
            raise SyntaxFault("there is no such result option")
        if word == "PARTIAL":
            windows.append(read_window(args.sp()))
        # RFC 5465: §8 has no space there, the example in §7 has one.
        if word == "UPDATE" and (args.peek(b"(") or args.peek(b" (")):
            args.take(b" ")
            items.extend(fetch_items(args, rows))
        return word

    words = frozenset(args.sp().paren_list(option, least=0))
    args.sp()
    if len(windows) + ("ALL" in words) > 1:  # RFC 9394 §3.1
        raise SyntaxFault("one PARTIAL or ALL is enough")
    return Results(words or frozenset({"ALL"}), windows[0] if windows else None, tuple(items))


def read_window(args: Arguments) -> Window:
    """`nz-number ":" nz-number`, or both with a minus before them."""
    backwards = args.take(b"-")
    first = args.nz_number()
    args.expect(b":")
    if args.take(b"-") is not backwards:
        raise SyntaxFault("both ends of a range count from the same side")
    last = args.nz_number()
    return Window(-first, -last) if backwards else Window(first, last)


def in_order(numbers: Iterable[int]) -> str:
    """A `sequence-set` that keeps the order of the numbers: only what ascends by ones becomes a range (RFC 5267 §3.2)."""
    words: list[str] = []
    first = last = 0
    for number in numbers:
        if number == last + 1 and first:
            last = number
            continue
        if first:
            words.append(_span(first, last))
        first = last = number
    if first:
        words.append(_span(first, last))
    return ",".join(words)


def _span(first: int, last: int) -> str:
    return str(first) if first == last else f"{first}:{last}"


def esearch(tag: str, uid: bool, items: Iterable[tuple[str, object]], where: bytes = b"") -> bytes:
    """`* ESEARCH (TAG "a") UID COUNT 5`; `where`: what RFC 7377 §2.1 adds to the correlator."""
    words = [b'ESEARCH (TAG "%b"%b)' % (tag.encode("ascii"), where)]
    if uid:
        words.append(b"UID")
    words += (f"{name} {value}".encode("ascii") for name, value in items)
    return encode.untagged(*words)
