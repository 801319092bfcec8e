"""A message as a test looks at it."""

from __future__ import annotations

import email
import email.message
import email.policy
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from fnmatch import fnmatchcase
from functools import cached_property
from typing import TypedDict

from correo.mail.instant import moment
from correo.mail.message import Part, body_text, decode_body, decode_words, read_header, scan

Pattern = str | re.Pattern[str]

_LINK = re.compile(r"""https?://[^\s<>"'\\^`{|}]+""")
_AFTER_A_LINK = ".,;:!?)]"  # of the sentence around it


@dataclass(frozen=True, slots=True)
class Attachment:
    filename: str  # as the sender named it: never to be used as a path unseen
    content_type: str
    content: bytes = field(repr=False)


class Headers(Mapping[str, str]):
    """Fields by name, in any case, decoded; of several of one name the first. `every` gives all of them."""

    def __init__(self, fields: list[tuple[str, str]]) -> None:
        self._fields = fields

    def __getitem__(self, name: str) -> str:
        for value in self.every(name):
            return value
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(name for name, _ in self._fields))

    def __len__(self) -> int:
        return len({name.lower() for name, _ in self._fields})

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and bool(self.every(name))

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """Name and value of every field, in order."""
        return list(self._fields)

    def every(self, name: str) -> list[str]:
        return [value for known, value in self._fields if known.lower() == name.lower()]

    def __repr__(self) -> str:
        return f"Headers({self._fields!r})"


@dataclass(frozen=True)
class Message:
    """A message and its envelope. Hostile input does no harm: what cannot be read is left out."""

    id: str  # under which the server took it
    envelope_from: str  # "" is the null sender, of bounces
    recipients: tuple[str, ...]  # of the envelope
    raw: bytes = field(repr=False)
    instant: int = field(default=0, repr=False)  # µs, by the server's clock
    account: str = ""  # who had logged in to send it

    @property
    def time(self) -> datetime:
        """When it was taken, by the server's clock."""
        return moment(self.instant)

    @cached_property
    def headers(self) -> Headers:
        header, _ = read_header(self.raw)
        return Headers(
            [(name.decode("ascii", "replace"), decode_words(value)) for name, value in header.items()]
        )

    @property
    def subject(self) -> str:
        return self.headers.get("Subject", "")

    @cached_property
    def text(self) -> str:
        """What is to be read, of the text/plain parts; lines end in \\n."""
        return self._joined("plain")

    @cached_property
    def html(self) -> str:
        return self._joined("html")

    @cached_property
    def links(self) -> list[str]:
        """The web addresses in text and HTML, each once."""
        unescaped = self.html.replace("&amp;", "&")
        found = _LINK.findall(self.text) + _LINK.findall(unescaped)
        return list(dict.fromkeys(link.rstrip(_AFTER_A_LINK) for link in found))

    @cached_property
    def attachments(self) -> list[Attachment]:
        return [
            Attachment(part.filename, f"{part.type}/{part.subtype}", decode_body(self.raw, part))
            for part in _leaves(self._root)
            if _is_attached(part)
        ]

    @cached_property
    def email(self) -> email.message.EmailMessage:
        """As Python's own library reads it."""
        return email.message_from_bytes(self.raw, policy=email.policy.default)

    @cached_property
    def _root(self) -> Part:
        return scan(self.raw)

    def _joined(self, subtype: str) -> str:
        texts = [
            body_text(self.raw, part)
            for part in _leaves(self._root)
            if part.type == "text" and part.subtype == subtype and not _is_attached(part)
        ]
        return "\n".join(texts).replace("\r\n", "\n")

    def __str__(self) -> str:
        sender = self.envelope_from or "<> (a bounce)"
        return f"{sender} to {', '.join(self.recipients)}: {self.subject or '(no subject)'}"


def _leaves(part: Part) -> Iterator[Part]:
    """A message within a message is one leaf."""
    if part.is_multipart:
        for child in part.children:
            yield from _leaves(child)
    else:
        yield part


def _is_attached(part: Part) -> bool:
    return part.disposition == "attachment" or bool(part.filename) or part.type not in ("text", "multipart")


class Wanted(TypedDict, total=False):
    """The arguments of `Query` by name, as `wait_for` and `find` take them."""

    to: str | None  # one of the envelope's recipients; `*` stands for anything
    sender: str | None  # of the envelope; "" is a bounce
    subject: Pattern | None
    contains: Pattern | None


@dataclass(frozen=True, slots=True)
class Query:
    """Which messages: those that fit everything that is given."""

    to: str | None = None
    sender: str | None = None
    subject: Pattern | None = None
    contains: Pattern | None = None

    def fits(self, message: Message) -> bool:
        return (
            (self.to is None or any(addressed(one, self.to) for one in message.recipients))
            and (self.sender is None or addressed(message.envelope_from, self.sender))
            and (self.subject is None or _found(self.subject, message.subject))
            and (self.contains is None or _found(self.contains, f"{message.text}\n{message.html}"))
        )

    def __str__(self) -> str:
        given = {"to": self.to, "sender": self.sender, "subject": self.subject, "contains": self.contains}
        return (
            ", ".join(f"{name}={_shown(value)}" for name, value in given.items() if value is not None)
            or "anything"
        )


def addressed(address: str, pattern: str) -> bool:
    """Whether the address is the one that is meant, without case; `*` stands for anything."""
    literal = pattern.lower().replace("[", "[[]").replace("?", "[?]")  # both occur in addresses
    return fnmatchcase(address.lower(), literal)


def _found(pattern: Pattern, text: str) -> bool:
    return pattern in text if isinstance(pattern, str) else pattern.search(text) is not None


def _shown(pattern: Pattern) -> str:
    return f"/{pattern.pattern}/" if isinstance(pattern, re.Pattern) else repr(pattern)
