"""What APPEND and REPLACE bring (RFC 3501 §6.3.11, RFC 3502, RFC 3516 §4.4, RFC 4469, RFC 6855 §4)."""

from __future__ import annotations

from dataclasses import dataclass

from correo.wire.imap.grammar import Arguments, SyntaxFault
from correo.wire.imap.types import DateTime

MAX_PARTS = 250  # of one catenated message, as many as there may be literals; editors of drafts use a dozen


@dataclass(frozen=True, slots=True)
class Text:
    """Octets that the client sent."""

    octets: bytes
    binary: bool = False  # as literal8: NUL may be among them (RFC 3516 §4.4)
    utf8: bool = False  # header fields may hold UTF-8 (RFC 6855 §4)


@dataclass(frozen=True, slots=True)
class Url:
    """Octets that are here already (RFC 4469 §3)."""

    url: str


AppendPart = Text | Url


@dataclass(frozen=True, slots=True)
class AppendMessage:
    """One message, its parts in the order in which they follow each other."""

    flags: tuple[str, ...]
    received: DateTime | None
    parts: tuple[AppendPart, ...]
    catenated: bool = False


def append_messages(args: Arguments) -> tuple[AppendMessage, ...]:
    """`1*append-message` to the end of the command (RFC 3502). Raises SyntaxFault."""
    messages = [append_message(args)]
    while not args.at_end():
        messages.append(append_message(args))
    return tuple(messages)


def append_message(args: Arguments) -> AppendMessage:
    """`[SP flag-list] [SP date-time] SP append-data`. Raises SyntaxFault."""
    args.sp()
    flags: tuple[str, ...] = ()
    if args.peek(b"("):
        flags = tuple(args.flag_list())
        args.sp()
    received = None
    if args.peek(b'"'):
        received = args.date_time()
        args.sp()
    if not args.take_word("CATENATE"):
        text = _utf8(args) if args.take_word("UTF8") else _text(args)
        return AppendMessage(flags, received, (text,))
    parts = args.sp().paren_list(_part)
    if len(parts) > MAX_PARTS:
        raise SyntaxFault(f"more than {MAX_PARTS} parts to catenate")
    return AppendMessage(flags, received, tuple(parts), catenated=True)


def _part(args: Arguments) -> AppendPart:
    """`cat-part`."""
    if args.take_word("TEXT"):
        return _text(args.sp())
    if args.take_word("UTF8"):
        return _utf8(args)
    if args.take_word("URL"):
        return Url(args.sp().astring().decode("utf-8", "replace"))
    raise SyntaxFault("TEXT, UTF8 or URL is missing")


def _text(args: Arguments) -> Text:
    if args.peek(b"~"):
        return Text(args.literal8(), binary=True)
    return Text(args.literal())


def _utf8(args: Arguments) -> Text:
    args.sp().expect(b"(")
    octets = args.literal8()
    args.expect(b")")
    return Text(octets, binary=True, utf8=True)
