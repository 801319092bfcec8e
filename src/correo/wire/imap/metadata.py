"""Annotations on the wire: their names, and what GETMETADATA and SETMETADATA are given (RFC 5464 §5)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum

from correo.wire.imap import encode
from correo.wire.imap.grammar import Arguments, SyntaxFault

MAX_ENTRY = 255  # octets of a name; the longest that are registered have about 60
MAX_ASKED = (
    100  # names in one command: more than any client has use for, and LIST looks for each in every mailbox
)

# RFC 5464 §3.2, in lower case; what is below /private or /shared.
_ENTRY = re.compile(rb"/(?:private|shared)(?:/[^/*%\x00-\x1f\x7f-\xff]+)*").fullmatch
_VENDOR = ("private/vendor", "shared/vendor")


class Depth(Enum):
    """How far below a name that is asked for others are told too (RFC 5464 §4.2.2)."""

    ITSELF = "0"
    CHILDREN = "1"
    ALL = "INFINITY"


@dataclass(frozen=True, slots=True)
class GetMetadata:
    """`mailbox`: "" for what is noted about the server. `maxsize`: octets of the longest value that is told."""

    mailbox: str
    entries: tuple[str, ...]
    maxsize: int | None = None
    depth: Depth = Depth.ITSELF


@dataclass(frozen=True, slots=True)
class SetMetadata:
    """`values`: None removes."""

    mailbox: str
    values: Mapping[str, bytes | None]


@dataclass(slots=True)
class _Options:
    maxsize: int | None = None
    depth: Depth = Depth.ITSELF


def get_metadata(args: Arguments) -> GetMetadata:
    """The options stand before the mailbox in the grammar of RFC 5464 §5 and behind it in the examples of §4.2: both are read."""
    options = _Options()
    args.sp()
    if args.peek(b"("):
        _read_options(args, options)
        args.sp()
    mailbox = args.mailbox()
    args.sp()
    if args.peek(b"(") and not any(args.peek(mark) for mark in (b"(/", b'("', b"({")):
        _read_options(args, options)
        args.sp()
    return GetMetadata(mailbox, entries(args), options.maxsize, options.depth)


def set_metadata(args: Arguments) -> SetMetadata:
    mailbox = args.sp().mailbox()
    pairs = args.sp().paren_list(_entry_value)
    if len(pairs) > MAX_ASKED:
        raise _too_many()
    return SetMetadata(mailbox, dict(pairs))


def entries(args: Arguments) -> tuple[str, ...]:
    """`entry / "(" entry *(SP entry) ")"`, each once and in lower case: names differ in nothing else."""
    found = args.paren_list(entry) if args.peek(b"(") else [entry(args)]
    if len(found) > MAX_ASKED:
        raise _too_many()
    return tuple(dict.fromkeys(found))


def entry(args: Arguments) -> str:
    octets = args.astring().lower()
    if not _ENTRY(octets) or len(octets) > MAX_ENTRY:
        raise SyntaxFault("no annotation can have that name")
    return octets.decode("ascii")


def response(mailbox: str, values: Mapping[str, bytes | None], *, utf8: bool = False) -> bytes:
    """`* METADATA mailbox (entry value ...)`; `values` is not empty."""
    pairs = (encode.astring(name) + b" " + _shown(value) for name, value in values.items())
    return encode.untagged(b"METADATA", encode.mailbox(mailbox, utf8=utf8), encode.parens(pairs))


def picked(held: Mapping[str, bytes], asked: Iterable[str], depth: Depth) -> dict[str, bytes | None]:
    """Of what is held, what is asked for; None for a name under which, and within `depth` below which, there is nothing."""
    found: dict[str, bytes | None] = {}
    for name in asked:
        below: dict[str, bytes | None] = {
            other: held[other] for other in sorted(held) if _reaches(other, name, depth)
        }
        found.update(below or {name: None})
    return found


def _reaches(name: str, asked: str, depth: Depth) -> bool:
    if name == asked:
        return True
    if depth is Depth.ITSELF or not name.startswith(asked + "/"):
        return False
    return depth is Depth.ALL or "/" not in name[len(asked) + 1 :]


def _read_options(args: Arguments, options: _Options) -> None:
    def option(args: Arguments) -> None:
        match args.word():
            case "MAXSIZE":
                options.maxsize = args.sp().number()
            case "DEPTH":
                options.depth = _depth(args.sp())
            case _:
                raise SyntaxFault("there is no such option")

    args.paren_list(option)


def _depth(args: Arguments) -> Depth:
    try:
        return Depth(args.word())
    except ValueError:
        raise SyntaxFault("DEPTH is 0, 1 or infinity") from None


def _entry_value(args: Arguments) -> tuple[str, bytes | None]:
    name = entry(args)
    parts = name.strip("/").split("/")
    if len(parts) < (4 if "/".join(parts[:2]) in _VENDOR else 2):  # RFC 5464 §3.2
        raise SyntaxFault("no annotation can have that name")
    args.sp()
    return name, args.literal8() if args.peek(b"~") else args.nstring()


def _shown(value: bytes | None) -> bytes:
    if value is not None and b"\x00" in value:
        return b"~" + encode.literal(value)  # RFC 3516 §4.4
    return encode.nstring(value)


def _too_many() -> SyntaxFault:
    return SyntaxFault(f"there are more than {MAX_ASKED} annotations", status="NO", code="LIMIT")
