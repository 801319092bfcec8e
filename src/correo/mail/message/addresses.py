"""Address lists of header fields (RFC 5322 §3.4, §4.4, RFC 6532), as IMAP's ENVELOPE takes them apart.

Senders write much that no grammar allows; of that as much is kept as a reader can use, and nothing is made up.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from correo.mail.message.comments import comment_end, unescape

MAX_ADDRESSES = 1_000  # of one field; the rest is not shown. Mail to more people than this uses a list


class Mailbox(NamedTuple):
    """One address structure of RFC 9051 §7.5.2, quotes and escapes removed, encoded-words left as they are.

    A group opens with `host` None and its name as `mailbox`, and closes with all four None. An address without `@` has
    the host b"": None would make it a group.
    """

    name: bytes | None
    route: bytes | None  # addr-adl: RFC 5322 §4.4's `@a,@b` without the colon
    mailbox: bytes | None
    host: bytes | None


_END_OF_GROUP = Mailbox(None, None, None, None)

# `Jane Doe <jane@example.org>`, `"Doe, Jane" <..>` and `jane@example.org` up to the comma: nearly all addresses.
_ATOM = rb"[^\x00- ()<>@,;:\"\\\[\]\x7f]"
_COMMON = re.compile(
    rb"[ \t\r\n]*+"
    rb'(?:(?:"([^"\\]*+)"|(A++(?: A++)*)|)[ \t]*+<(A++)@(A++)>|(A++)@(A++))'
    rb"[ \t\r\n]*+(?:,|\Z)".replace(b"A", _ATOM)
)
_WORDS = rb"([\x00- \x7f]++)|(A++)|(\[[^\[\]\\]*+\])".replace(b"A", _ATOM)
_TOKEN = re.compile(_WORDS + rb'|"((?:[^"\\]++|\\.)*)"|(.)', re.DOTALL)
_TOKEN_WITHOUT_QUOTES = re.compile(_WORDS + rb"|(.)", re.DOTALL)
_AT = b"@"


def parse_addresses(value: bytes) -> list[Mailbox]:
    """The addresses of an unfolded field value, at most `MAX_ADDRESSES` and the ends of groups."""
    found: list[Mailbox] = []
    position = 0
    while len(found) < MAX_ADDRESSES and (match := _COMMON.match(value, position)):
        quoted, words, local, domain, bare_local, bare_domain = match.groups()
        found.append(Mailbox(quoted or words or None, None, local or bare_local, domain or bare_domain))
        position = match.end()
    if position < len(value) and len(found) < MAX_ADDRESSES:
        found += _Reader(value, position, MAX_ADDRESSES - len(found)).read()
    return found


class _Word(NamedTuple):
    text: bytes
    spaced: bool  # blanks or comments stood before it
    special: bool  # one of ( < > @ , : ; and not a part of a word


class _Reader:
    """Reads what is not written the common way, word by word."""

    def __init__(self, value: bytes, position: int, room: int) -> None:
        self.value = value
        self.position = position
        self.room = room
        self.found: list[Mailbox] = []
        self.phrase: list[_Word] = []
        self.angle: list[_Word] | None = None  # what stood between < and >
        self.comment = b""
        self.in_group = self.has_at = self.spaced = False
        # One quote or parenthesis that never closes costs a look at the whole rest, which is worth it once.
        self.token = _TOKEN
        self.comments = True

    def read(self) -> list[Mailbox]:
        while len(self.found) < self.room and (word := self._next()):
            if not word.special or word.text == _AT:
                if self.angle is None:
                    self.phrase.append(word)
                    self.has_at = self.has_at or word.special
            elif word.text == b"<":
                self.angle = self._in_angles()
            elif word.text == b",":
                self._finish()
            elif word.text == b";":
                self._finish()
                self._end_group()
            elif word.text == b":":
                self._colon(word)
        if len(self.found) < self.room:
            self._finish()
        self._end_group()
        return self.found

    def _next(self) -> _Word | None:
        """The next word or special; comments are kept aside."""
        while match := self.token.match(self.value, self.position):
            start, self.position = self.position, match.end()
            spaced, self.spaced = self.spaced, False
            if match.lastindex == 1:
                self.spaced = True
            elif match[0] == b'"':
                self.token, self.spaced = _TOKEN_WITHOUT_QUOTES, spaced
            elif match[0] == b"(":
                self.spaced = self._comment(start) or spaced
            elif match[0].startswith(b'"'):
                return _Word(unescape(match[4]), spaced, False)
            else:
                return _Word(match[0], spaced, match[0] in b"<>@,:;")
        return None

    def _comment(self, start: int) -> bool:
        end = comment_end(self.value, start) if self.comments else -1
        self.comments = end > 0
        if end > 0:
            self.comment = unescape(self.value[start + 1 : end - 1]).strip()
            self.position = end
        return end > 0

    def _in_angles(self) -> list[_Word]:
        """The words up to `>`; a comma ends them too where no route stands before it, for `<a@b, <c@d>`."""
        words: list[_Word] = []
        while word := self._next():
            if word.special and word.text == b">":
                break
            if word.special and word.text == b"<":
                words.clear()
                continue
            if word.special and word.text == b"," and not (words and words[0].text == _AT):
                self.position -= 1
                break
            words.append(word)
        return words

    def _colon(self, word: _Word) -> None:
        if self.phrase and self.angle is None and not self.has_at and not self.in_group:
            self.found.append(Mailbox(None, None, _phrase(self.phrase), None))
            self.phrase, self.comment, self.in_group = [], b"", True
        elif self.angle is None:
            self.phrase.append(word._replace(special=False))

    def _end_group(self) -> None:
        if self.in_group:
            self.found.append(_END_OF_GROUP)
            self.in_group = False

    def _finish(self) -> None:
        """Make an address of what has been read since the last separator."""
        route = None
        phrase, words, comment = self.phrase, self.angle, self.comment
        self.phrase, self.angle, self.comment, self.has_at = [], None, b"", False
        if words is None:
            if not phrase:
                return
            phrase, local, host = _split(phrase)
        else:
            route, words = _route(words)
            rest, local, host = _split(words)
            local = _phrase(rest) + local
        name = _phrase(phrase) or comment
        self.found.append(Mailbox(name or None, route, local, host))


def _route(words: list[_Word]) -> tuple[bytes | None, list[_Word]]:
    """The source route before an address in angles (RFC 5322 §4.4), and what comes after it."""
    if not words or words[0].text != _AT or not words[0].special:
        return None, words
    for index, word in enumerate(words):
        if word.special and word.text == b":":
            return b"".join(w.text for w in words[:index]) or None, words[index + 1 :]
    return None, words


def _split(words: list[_Word]) -> tuple[list[_Word], bytes, bytes]:
    """Words before the address, its local part and its host, around the last `@`; without one the host is b""."""
    at = next((i for i in range(len(words) - 1, -1, -1) if words[i].special and words[i].text == _AT), -1)
    if at < 0:
        # Several words are somebody's name; a single one may be a mailbox on the sender's own host.
        return (words, b"", b"") if any(word.spaced for word in words[1:]) else ([], _phrase(words), b"")
    first = at
    while first > 0 and (first == at or _tied(words[first - 1], words[first])):
        first -= 1
    last = at + 1
    while last < len(words) and (last == at + 1 or _tied(words[last - 1], words[last])):
        last += 1
    return words[:first], _run(words[first:at]), _run(words[at + 1 : last])


def _tied(left: _Word, right: _Word) -> bool:
    """Whether two words are one in a local part or a domain, where blanks around dots mean nothing (§4.4)."""
    return not right.spaced or right.text.startswith(b".") or left.text.endswith(b".")


def _run(words: list[_Word]) -> bytes:
    return b"".join(word.text for word in words)


def _phrase(words: list[_Word]) -> bytes:
    """A display name: words with one blank where there were some."""
    return b"".join(b" " + word.text if word.spaced else word.text for word in words).strip(b" ")
