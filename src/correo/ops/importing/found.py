"""What a source yields, whatever its format."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from correo.mail.flags import MAX_KEYWORD_LENGTH, MAX_KEYWORDS, Flags
from correo.mailbox import SEPARATOR
from correo.mailbox.adopting import SOURCE_SIZE
from correo.wire.imap import utf7

# RFC 9051 §9 `flag-keyword`: an atom. Others could not be told to any client.
_KEYWORD = re.compile(rf'[^\x00-\x20\x7f-\U0010ffff(){{%*"\\\]]{{1,{MAX_KEYWORD_LENGTH}}}')
_LINE_END = re.compile(rb"(?<!\r)\n")
_UNKEEPABLE = frozenset({"Cc", "Cs", "Zl", "Zp"})  # and the wildcards of LIST: see mailbox.names


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that could not be brought, and why."""

    where: str
    words: str

    def __str__(self) -> str:
        return f"{self.where}: {self.words}"


@dataclass(frozen=True, slots=True)
class Letter:
    """A message as it is to be kept."""

    octets: bytes
    flags: Flags
    received: int | None  # µs UTC; None: nobody knows
    received_zone: int = 0  # minutes east


@dataclass(frozen=True, slots=True)
class Found:
    """A message that is there; it is read only if it is wanted."""

    source: bytes  # what tells it from all others, see `source_of`
    size: int  # octets, or about as many
    uid: int | None
    uidl: str | None
    read: Callable[[], Letter | Problem]


class Folder(Protocol):
    """`found` yields messages in the order of UIDs, those without last, and problems wherever they are met.

    `uidvalidity` and `uidnext` are 0 where there are none; `listed`: UIDs by `Found.source`, as far as they are known beforehand.
    """

    @property
    def name(self) -> str: ...
    @property
    def where(self) -> str: ...
    @property
    def special_use(self) -> str: ...
    @property
    def uidvalidity(self) -> int: ...
    @property
    def uidnext(self) -> int: ...
    def listed(self) -> dict[bytes, int]: ...
    def found(self) -> Iterator[Found | Problem]: ...


class Source(Protocol):
    """`folders` may be asked for again; `subscriptions` are names of mailboxes as Correo spells them."""

    problems: list[Problem]

    def folders(self) -> Iterator[Folder]: ...
    def subscriptions(self) -> list[str]: ...


def source_of(*parts: bytes) -> bytes:
    """A hash of what a message is known by; parts have no NUL in them, save the last."""
    return hashlib.blake2b(b"\0".join(parts), digest_size=SOURCE_SIZE).digest()


def wire_form(octets: bytes) -> bytes:
    """With lines that end in CR LF, and NUL as 0x80, as Dovecot shows it: IMAP has no way to send NUL (RFC 9051 §9)."""
    if b"\0" in octets:
        octets = octets.replace(b"\0", b"\x80")
    if b"\r" not in octets:
        return octets.replace(b"\n", b"\r\n")
    if octets.count(b"\n") == octets.count(b"\r\n"):
        return octets
    return _LINE_END.sub(b"\r\n", octets)


def keywords(words: Iterable[str]) -> tuple[list[str], list[str]]:
    """Those that can be kept, and those that cannot."""
    kept: dict[str, str] = {}
    lost: list[str] = []
    for word in words:
        if not _KEYWORD.fullmatch(word) or (len(kept) >= MAX_KEYWORDS and word.lower() not in kept):
            lost.append(word)
        else:
            kept.setdefault(word.lower(), word)
    return list(kept.values()), lost


def folder_part(octets: bytes) -> str:
    """One part of a folder's path as it was written there: modified UTF-7 where it is that (RFC 3501 §5.1.3), else UTF-8."""
    try:
        return utf7.decode(octets)
    except ValueError:
        return octets.decode("utf-8", "surrogateescape")


def folder_name(parts: Iterable[str]) -> str:
    """The mailbox for a path; what may not be in names here is written with "_"."""
    return SEPARATOR.join("".join(map(_keepable, part)) for part in parts)


def _keepable(letter: str) -> str:
    return "_" if letter in "*%/" or unicodedata.category(letter) in _UNKEEPABLE else letter


def shown(name: bytes) -> str:
    """A file's name, for people."""
    return name.decode("utf-8", "backslashreplace")
