"""Flags as IMAP spells them: in FETCH, in SELECT, and as a client asks for them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from correo.access.imap.rights import permanent
from correo.mail.flags import MAX_KEYWORD_LENGTH, SYSTEM, Flags
from correo.mailbox import ALL_RIGHTS, Rights
from correo.wire.imap import encode
from correo.wire.imap.grammar import SyntaxFault

MAX_ANNOUNCED = (
    1_000  # keywords of one mailbox that a session remembers having told; clients keep menus of some dozens
)

_SETTABLE = {name.lower() for name in SYSTEM}
_RECENT = "\\recent"


def _item(bits: int, recent: bool) -> bytes:
    names = Flags(bits).names + (["\\Recent"] if recent else [])
    return b"FLAGS " + encode.flags(names)


# What nearly every message has: no keyword.
_PLAIN = {(bits, recent): _item(bits, recent) for bits in range(32) for recent in (False, True)}


def flags_item(bits: int, keywords: str, recent: bool) -> bytes:
    """`FLAGS (...)` as FETCH answers it; `keywords` as they are stored."""
    plain = _PLAIN[bits, recent]
    if not keywords:
        return plain
    return plain[:-1] + (b" " if bits or recent else b"") + keywords.encode("ascii", "replace") + b")"


def flags_items(bits: Sequence[int], keywords: Sequence[str], recent: Iterable[bool]) -> Iterable[bytes]:
    """`flags_item` of many messages, without a call for each where none has a keyword."""
    if any(keywords):
        return map(flags_item, bits, keywords, recent)
    return map(_PLAIN.__getitem__, zip(bits, recent, strict=True))


def settable(names: Iterable[str]) -> Flags:
    """The flags a client wants to set. Raises SyntaxFault for a system flag there is not and for an endless keyword.

    \\Recent is passed over: it cannot be changed by a client (RFC 3501 §2.3.2), and some send it back as they got it.
    """
    wanted = [name for name in names if name.lower() != _RECENT]
    for name in wanted:
        if name.startswith("\\") and name.lower() not in _SETTABLE:
            raise SyntaxFault("there is no such system flag")
        if len(name) > MAX_KEYWORD_LENGTH:
            raise SyntaxFault("the keyword is too long", status="NO", code="LIMIT")
    return Flags.of(wanted)


_NONE: frozenset[str] = frozenset()  # one for all, since an empty one weighs as much as any


class Announced:
    """The flags that the client was told this mailbox has: each keyword must be told before it is first used."""

    def __init__(self, read_only: bool, rights: Rights = ALL_RIGHTS) -> None:
        self._read_only = read_only
        self._rights = rights
        self._keywords: dict[str, str] = {}
        self._seen = _NONE  # columns of keywords all of which are known

    def lines(self) -> bytes:
        """FLAGS and PERMANENTFLAGS (RFC 3501 §7.2.6, §7.1); `\\*`: any keyword can be made."""
        names = [*SYSTEM, *self._keywords.values()]
        lasting = [] if self._read_only else permanent(self._rights)
        if not self._read_only and "w" in self._rights:
            lasting += [*self._keywords.values(), "\\*"]
        code = f"PERMANENTFLAGS ({' '.join(lasting)})"
        text = "Read-only mailbox" if self._read_only else "Flags permitted"
        return encode.untagged(b"FLAGS", encode.flags(names)) + encode.ok(encode.UNTAGGED, text, code)

    def changed(self, rights: Rights) -> bytes:
        """What to send when the rights are others than before (RFC 4314 §5.1.1)."""
        self._rights = rights
        return self.lines()

    def news(self, columns: Iterable[str]) -> bytes:
        """What to send before keywords that the client may not know; `columns` as they are stored."""
        fresh = {column for column in columns if column and column not in self._seen}
        if not fresh:
            return b""
        known = len(self._keywords)
        for column in sorted(fresh):
            for word in column.split():
                if len(self._keywords) < MAX_ANNOUNCED:
                    self._keywords.setdefault(word.lower(), word)
        self._seen |= frozenset(sorted(fresh)[: MAX_ANNOUNCED - len(self._seen)])
        return self.lines() if len(self._keywords) > known else b""
