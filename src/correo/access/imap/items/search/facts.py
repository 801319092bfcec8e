"""What is known of one message while it is tried against a search: more and more, as little as is needed."""

from __future__ import annotations

from correo.mail.message import Header, Part, read_header
from correo.mailbox import Fetched


class Facts:
    """The row is always there; `header` and then `raw` are filled in when a test wants them."""

    __slots__ = ("_lower", "_parsed", "header", "number", "raw", "recent", "root", "row")

    def __init__(self, number: int, row: Fetched, recent: bool) -> None:
        self.number = number
        self.row = row
        self.recent = recent
        self.header: bytes | None = None
        self.raw: bytes | None = None
        self.root: Part | None = None  # comes with `raw`
        self._parsed: Header | None = None
        self._lower: bytes | None = None

    def fields(self, header: bytes) -> Header:
        if self._parsed is None:
            self._parsed, _ = read_header(header)
        return self._parsed

    def may_hold(self, header: bytes, needle: bytes) -> bool:
        """False where the folded ASCII `needle`, a single word, surely is in none of the fields: spares taking them apart.

        Encoded words and 8-bit text may hide it; then nobody can tell.
        """
        if self._lower is None:
            self._lower = header.lower() if header.isascii() and b"=?" not in header else b""
        return not self._lower or needle in self._lower
