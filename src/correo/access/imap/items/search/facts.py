"""What is known of one message while it is tried against a search: more and more, as little as is needed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from correo.mail.message import Header, Part, field_values, folded, read_header, searchable
from correo.mailbox import Fetched
from correo.wire.imap.search import Key


class Facts:
    """The row is always there; `header` and then `raw` are filled in when a test wants them."""

    __slots__ = ("_lower", "_parsed", "_texts", "header", "number", "raw", "recent", "root", "row", "scores")

    def __init__(self, number: int, row: Fetched, recent: bool) -> None:
        self.number = number
        self.row = row
        self.recent = recent
        self.scores: dict[Key, int] = {}  # of fuzzy keys
        self.header: bytes | None = None
        self.raw: bytes | None = None
        self.root: Part | None = None  # comes with `raw`
        self._parsed: Header | None = None
        self._lower: bytes | None = None
        self._texts: dict[bool, tuple[list[str], Iterator[str]]] = {}

    def fields(self, header: bytes) -> Header:
        if self._parsed is None:
            self._parsed, _ = read_header(header)
        return self._parsed

    def may_hold(self, header: bytes, words: Sequence[bytes]) -> bool:
        """False where one of the folded ASCII `words` surely is in none of the fields: spares taking them apart.

        Encoded words and 8-bit text may hide it; then nobody can tell.
        """
        lower = self.lower(header)
        return all(word in lower for word in words) or not header.isascii() or b"=?" in header

    def values(self, header: bytes, name: bytes) -> list[bytes]:
        """Of all fields `name`, which is in lower case."""
        return field_values(header, self.lower(header), name)

    def lower(self, header: bytes) -> bytes:
        if self._lower is None:
            self._lower = header.lower()
        return self._lower

    def texts(self, raw: bytes, root: Part, headers: bool) -> Iterator[str]:
        """What TEXT looks through, or BODY without `headers`, folded; decoded once, however many keys there are."""
        told, coming = self._texts.setdefault(headers, ([], searchable(raw, root, headers)))
        yield from told
        for text in coming:
            told.append(folded(text))
            yield told[-1]

    @property
    def relevancy(self) -> int:
        """1 to 100 (RFC 6203 §4): what the fuzzy keys that matched say on the average."""
        scores = [score for score in self.scores.values() if score]
        return max(1, sum(scores) // len(scores)) if scores else 1

    def forget(self) -> None:
        """Let go of what is large."""
        self.raw = self.root = None
        self._texts.clear()
