"""Message flags: the five of RFC 3501 §2.3.2 as bits, keywords as words.

`\\Recent` is not here: it belongs to a session, not to a message (RFC 3501 §2.3.2).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

SEEN = 1
ANSWERED = 2
FLAGGED = 4
DELETED = 8
DRAFT = 16

SYSTEM: dict[str, int] = {
    "\\Answered": ANSWERED,
    "\\Flagged": FLAGGED,
    "\\Deleted": DELETED,
    "\\Seen": SEEN,
    "\\Draft": DRAFT,
}
_BY_FOLDED = {name.lower(): bit for name, bit in SYSTEM.items()}

MAX_KEYWORDS = 64  # on one message; Thunderbird's labels, $Junk, $Forwarded and the like stay far below
MAX_KEYWORD_LENGTH = 100  # octets


@dataclass(frozen=True, slots=True)
class Flags:
    """A set of flags. Keywords compare without case (RFC 9051 §2.3.2) and keep the spelling first given."""

    bits: int = 0
    keywords: tuple[str, ...] = ()

    @classmethod
    def of(cls, names: Iterable[str]) -> Flags:
        """From IMAP names; `\\Recent` and unknown backslash names are left out."""
        bits = 0
        words: dict[str, str] = {}
        for name in names:
            if name.startswith("\\"):
                bits |= _BY_FOLDED.get(name.lower(), 0)
            else:
                words.setdefault(name.lower(), name)
        return cls(bits, tuple(words[key] for key in sorted(words)))

    @classmethod
    def stored(cls, bits: int, keywords: str) -> Flags:
        """From the two columns they are kept in; keywords are parted by one space."""
        return cls(bits, tuple(keywords.split())) if keywords else _PLAIN[bits]

    @property
    def names(self) -> list[str]:
        return [name for name, bit in SYSTEM.items() if self.bits & bit] + list(self.keywords)

    def add(self, other: Flags) -> Flags:
        if not other.keywords:
            return Flags(self.bits | other.bits, self.keywords)
        have = {word.lower() for word in self.keywords}
        more = [word for word in other.keywords if word.lower() not in have]
        return Flags(self.bits | other.bits, tuple(sorted((*self.keywords, *more), key=str.lower)))

    def remove(self, other: Flags) -> Flags:
        gone = {word.lower() for word in other.keywords}
        return Flags(
            self.bits & ~other.bits, tuple(word for word in self.keywords if word.lower() not in gone)
        )


_PLAIN = tuple(Flags(bits) for bits in range(32))
