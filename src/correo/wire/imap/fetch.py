"""What FETCH is asked for (RFC 3501 §6.4.5), one row per item name.

A new item (BINARY, PREVIEW, MODSEQ) is a row in `ROWS`, or one that the caller adds:
`fetch_items(args, {**ROWS, ...})`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from correo.wire.imap import encode
from correo.wire.imap.grammar import Arguments, SyntaxFault

MAX_PATH = 100  # numbers in `1.2.3`; no message whose parts nest deeper is taken apart
MAX_ITEMS = 250  # in one FETCH; each is answered for each message, and clients ask for some dozens at most

# BODY[...] says all of it (RFC 9051 appendix E).
REV1_ITEMS = frozenset({"RFC822", "RFC822.HEADER", "RFC822.TEXT"})

_FIELD_NAME = re.compile(rb"[!-9;-~]+").fullmatch  # RFC 5322 §3.6.8 `ftext`


@dataclass(frozen=True, slots=True)
class Attribute:
    """An item that is its name and no more: FLAGS, UID, ENVELOPE, RFC822.SIZE, BODY, ..."""

    name: str


class Text(Enum):
    """Which text of a part (RFC 3501 §9 `section-text`)."""

    ALL = ""  # the part itself; without a path, the whole message
    HEADER = "HEADER"
    FIELDS = "HEADER.FIELDS"
    FIELDS_NOT = "HEADER.FIELDS.NOT"
    TEXT = "TEXT"
    MIME = "MIME"


@dataclass(frozen=True, slots=True)
class Section:
    """What stands between `[` and `]`."""

    path: tuple[int, ...] = ()  # (4, 2) in BODY[4.2.TEXT]
    text: Text = Text.ALL
    fields: tuple[bytes, ...] = ()  # as the client spelled them; to be compared without case


class Partial(NamedTuple):
    """`<origin.size>`: at most `size` octets from octet `origin` on."""

    origin: int
    size: int


@dataclass(frozen=True, slots=True)
class BodySection:
    """An item whose answer is octets of the message: BODY[...], BODY.PEEK[...] and the three RFC822 items."""

    section: Section
    partial: Partial | None = None
    peek: bool = False  # True: reading does not set \Seen
    label: bytes = b""  # what the answer calls it: BODY[TEXT]<0>, RFC822.HEADER


@dataclass(frozen=True, slots=True)
class BinarySection:
    """A part without its transfer encoding (RFC 3516 §4.2); a `partial` is of what has been decoded."""

    path: tuple[int, ...]  # () is the whole message
    partial: Partial | None = None
    peek: bool = False
    size_only: bool = False  # BINARY.SIZE
    label: bytes = b""


FetchItem = Attribute | BodySection | BinarySection
Row = Callable[[Arguments, str], FetchItem]


def fetch_items(args: Arguments, rows: Mapping[str, Row] | None = None) -> tuple[FetchItem, ...]:
    """A macro, one item, or a list of items; each item once, in the order asked for. Raises SyntaxFault."""
    rows = ROWS if rows is None else rows

    def item(args: Arguments) -> FetchItem:
        return _item(args, args.word(), rows)

    if args.peek(b"("):
        items = args.paren_list(item)
    else:
        name = args.word()
        if name in MACROS:
            return MACROS[name]
        items = [_item(args, name, rows)]
    if len(items) > MAX_ITEMS:
        raise SyntaxFault(f"more than {MAX_ITEMS} items to fetch")
    return tuple(dict.fromkeys(items))


def _item(args: Arguments, name: str, rows: Mapping[str, Row]) -> FetchItem:
    row = rows.get(name)
    if row is None:
        raise SyntaxFault("there is no such item to fetch")
    if name in REV1_ITEMS:
        args.not_in_rev2(name)
    return row(args, name)


def attribute(args: Arguments, name: str) -> Attribute:
    return Attribute(name)


def body(args: Arguments, name: str) -> FetchItem:
    """`BODY` alone is the structure; with a section it is octets."""
    return body_section(args, name) if args.peek(b"[") else Attribute(name)


def body_section(args: Arguments, name: str) -> BodySection:
    section = read_section(args)
    partial = read_partial(args)
    return BodySection(section, partial, name.endswith(".PEEK"), section_label(b"BODY", section, partial))


def binary(args: Arguments, name: str) -> BinarySection:
    """`BINARY`, `BINARY.PEEK` or `BINARY.SIZE`, and a part number in brackets."""
    section = read_section(args)
    if section.text is not Text.ALL:
        raise SyntaxFault("only parts can be decoded")
    size_only = name.endswith(".SIZE")
    partial = None if size_only else read_partial(args)
    label = section_label(b"BINARY.SIZE" if size_only else b"BINARY", section, partial)
    return BinarySection(section.path, partial, name != "BINARY", size_only, label)


def preview(args: Arguments, name: str) -> Attribute:
    """`PREVIEW`, or `PREVIEW (LAZY)` (RFC 8970 §3.1, §4.1)."""
    return Attribute("PREVIEW (LAZY)" if args.take_folded(b" (LAZY)") else name)


def whole(section: Section, *, peek: bool = False) -> Row:
    """A row for the RFC822 items, which are sections under an older name."""

    def row(args: Arguments, name: str) -> BodySection:
        return BodySection(section, None, peek, name.encode("ascii"))

    return row


def read_section(args: Arguments) -> Section:
    """`"[" [section-spec] "]"`."""
    args.expect(b"[")
    if args.take(b"]"):
        return Section()
    path: list[int] = []
    spec = args.word().split(".")
    while spec and spec[0].isdigit():
        path.append(_part_number(spec.pop(0)))
    if len(path) > MAX_PATH:
        raise SyntaxFault(f"a part is nested more than {MAX_PATH} deep")
    text = _TEXTS.get(".".join(spec)) if spec else Text.ALL
    if text is None or (text is Text.MIME and not path):
        raise SyntaxFault("there is no such section")
    fields: tuple[bytes, ...] = ()
    if text in (Text.FIELDS, Text.FIELDS_NOT):
        fields = tuple(args.sp().paren_list(_field_name))
    args.expect(b"]")
    return Section(tuple(path), text, fields)


def read_partial(args: Arguments) -> Partial | None:
    """`["<" number "." nz-number ">"]`; 63 bits wide, as RFC 9051 §9 has it."""
    if not args.take(b"<"):
        return None
    origin = args.number64()
    args.expect(b".")
    size = args.number64()
    args.expect(b">")
    if size == 0:
        raise SyntaxFault("a part of no octets cannot be fetched")
    return Partial(origin, size)


def section_label(name: bytes, section: Section, partial: Partial | None) -> bytes:
    """How the answer spells the item: field names as the client did, and only the origin of what it asked."""
    spec = b".".join(
        [*(b"%d" % number for number in section.path), *filter(None, [section.text.value.encode("ascii")])]
    )
    if section.fields:
        spec += b" (" + b" ".join(encode.astring(field) for field in section.fields) + b")"
    origin = b"" if partial is None else b"<%d>" % partial.origin
    return name + b"[" + spec + b"]" + origin


def _part_number(digits: str) -> int:
    if digits.startswith("0") or len(digits) > 9:
        raise SyntaxFault("a part number is out of range")
    return int(digits)


def _field_name(args: Arguments) -> bytes:
    name = args.astring()
    if not _FIELD_NAME(name):
        raise SyntaxFault("a header field cannot have that name")
    return name


_TEXTS = {text.value: text for text in Text if text is not Text.ALL}

ROWS: dict[str, Row] = {
    "BINARY": binary,
    "BINARY.PEEK": binary,
    "BINARY.SIZE": binary,
    "BODY": body,
    "BODY.PEEK": body_section,
    "BODYSTRUCTURE": attribute,
    "ENVELOPE": attribute,
    "FLAGS": attribute,
    "INTERNALDATE": attribute,
    "RFC822": whole(Section()),
    "RFC822.HEADER": whole(Section(text=Text.HEADER), peek=True),
    "RFC822.SIZE": attribute,
    "RFC822.TEXT": whole(Section(text=Text.TEXT)),
    "UID": attribute,
}

_FAST = tuple(Attribute(name) for name in ("FLAGS", "INTERNALDATE", "RFC822.SIZE"))

MACROS: dict[str, tuple[FetchItem, ...]] = {
    "FAST": _FAST,
    "ALL": (*_FAST, Attribute("ENVELOPE")),
    "FULL": (*_FAST, Attribute("ENVELOPE"), Attribute("BODY")),
}
