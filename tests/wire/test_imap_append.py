"""What APPEND and REPLACE bring, and the items of FETCH that came with extensions."""

from __future__ import annotations

import pytest

from correo.wire.imap.append import MAX_PARTS, AppendMessage, Text, Url, append_messages
from correo.wire.imap.fetch import Attribute, BinarySection, Partial, fetch_items, preview
from correo.wire.imap.grammar import Arguments, SyntaxFault
from correo.wire.imap.types import DateTime


def args(*pieces: bytes) -> Arguments:
    """Text, then a literal and the text after it, and so on."""
    first, *rest = pieces
    return Arguments(first, 0, tuple(zip(rest[::2], rest[1::2], strict=True)))


def test_messages() -> None:
    read = append_messages(
        args(
            b' (\\Seen) "17-Jul-1996 02:44:25 +0000" {1}', b"a", b" ~{1+}", b"\0", b" UTF8 (~{1}", b"c", b")"
        )
    )
    when = DateTime(837_571_465_000_000, 0)
    assert read == (
        AppendMessage(("\\Seen",), when, (Text(b"a"),)),
        AppendMessage((), None, (Text(b"\0", binary=True),)),
        AppendMessage((), None, (Text(b"c", binary=True, utf8=True),)),
    )


def test_catenate() -> None:
    (read,) = append_messages(
        args(
            b' catenate (URL "/a/;UID=1" TEXT {1}',
            b"a",
            b" UTF8 (~{1}",
            b"b",
            b") url x TEXT ~{0}",
            b"",
            b")",
        )
    )
    assert read.catenated
    assert read.parts == (
        Url("/a/;UID=1"),
        Text(b"a"),
        Text(b"b", binary=True, utf8=True),
        Url("x"),
        Text(b"", binary=True),
    )


@pytest.mark.parametrize(
    "pieces",
    [
        (b"",),
        (b" ",),
        (b" (\\Seen)",),
        (b" {1}", b"a", b" "),
        (b" {1}", b"a", b"x"),
        (b" UTF8 {1}", b"a", b""),
        (b" UTF8 (~{1}", b"a", b""),
        (b" CATENATE ()",),
        (b" CATENATE URL x",),
        (b" CATENATE (URL)",),
        (b" CATENATE (TEXT x)",),
        (b" CATENATE (FILE x)",),
        (b" CATENATE (" + b" ".join([b"URL x"] * (MAX_PARTS + 1)) + b")",),
    ],
)
def test_what_is_none(pieces: tuple[bytes, ...]) -> None:
    with pytest.raises(SyntaxFault):
        append_messages(args(*pieces))


@pytest.mark.parametrize(
    ("wire", "item"),
    [
        (b"BINARY[]", BinarySection((), label=b"BINARY[]")),
        (b"BINARY[1.2]<3.4>", BinarySection((1, 2), Partial(3, 4), label=b"BINARY[1.2]<3>")),
        (b"binary.peek[7]", BinarySection((7,), peek=True, label=b"BINARY[7]")),
        (b"BINARY.SIZE[7]", BinarySection((7,), peek=True, size_only=True, label=b"BINARY.SIZE[7]")),
    ],
)
def test_binary(wire: bytes, item: BinarySection) -> None:
    assert fetch_items(Arguments(wire)) == (item,)


@pytest.mark.parametrize(
    "wire", [b"BINARY", b"BINARY[", b"BINARY[TEXT]", b"BINARY[1.MIME]", b"BINARY[0]", b"BINARY[1]<1>"]
)
def test_no_binary(wire: bytes) -> None:
    with pytest.raises(SyntaxFault):
        fetch_items(Arguments(wire))


def test_preview() -> None:
    rows = {"PREVIEW": preview, "UID": lambda args, name: Attribute(name)}
    assert fetch_items(Arguments(b"(PREVIEW (Lazy) UID)"), rows) == (
        Attribute("PREVIEW (LAZY)"),
        Attribute("UID"),
    )
    assert fetch_items(Arguments(b"PREVIEW"), rows) == (Attribute("PREVIEW"),)
