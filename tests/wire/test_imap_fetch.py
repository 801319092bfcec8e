"""FETCH items: every form of RFC 3501 §6.4.5, and how the answer will call them."""

from __future__ import annotations

import pytest

from correo.wire.imap.fetch import (
    MAX_ITEMS,
    MAX_PATH,
    ROWS,
    Attribute,
    BodySection,
    FetchItem,
    Partial,
    Section,
    Text,
    attribute,
    fetch_items,
)
from correo.wire.imap.grammar import Arguments, SyntaxFault


def parse(wire: bytes) -> tuple[FetchItem, ...]:
    args = Arguments(wire)
    items = fetch_items(args)
    args.end()
    return items


def section(wire: bytes) -> BodySection:
    (item,) = parse(wire)
    assert isinstance(item, BodySection)
    return item


@pytest.mark.parametrize(
    ("wire", "names"),
    [
        (b"flags", "FLAGS"),
        (b"(FLAGS)", "FLAGS"),
        (b"(UID FLAGS RFC822.SIZE)", "UID FLAGS RFC822.SIZE"),
        (b"(UID uid Uid)", "UID"),
        (b"BODY", "BODY"),
        (b"(BODY BODYSTRUCTURE ENVELOPE INTERNALDATE)", "BODY BODYSTRUCTURE ENVELOPE INTERNALDATE"),
        (b"Fast", "FLAGS INTERNALDATE RFC822.SIZE"),
        (b"ALL", "FLAGS INTERNALDATE RFC822.SIZE ENVELOPE"),
        (b"FULL", "FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODY"),
    ],
)
def test_attributes(wire: bytes, names: str) -> None:
    assert parse(wire) == tuple(Attribute(name) for name in names.split())


@pytest.mark.parametrize(
    ("wire", "wanted", "partial", "peek", "label"),
    [
        (b"BODY[]", Section(), None, False, b"BODY[]"),
        (b"body.peek[]", Section(), None, True, b"BODY[]"),
        (b"BODY[TEXT]<0.10>", Section((), Text.TEXT), Partial(0, 10), False, b"BODY[TEXT]<0>"),
        (b"BODY.PEEK[header]", Section((), Text.HEADER), None, True, b"BODY[HEADER]"),
        (b"BODY[1]", Section((1,)), None, False, b"BODY[1]"),
        (b"BODY[4.2.2.1]<7.1>", Section((4, 2, 2, 1)), Partial(7, 1), False, b"BODY[4.2.2.1]<7>"),
        (b"BODY[4.1.MIME]", Section((4, 1), Text.MIME), None, False, b"BODY[4.1.MIME]"),
        (b"BODY[3.Header]", Section((3,), Text.HEADER), None, False, b"BODY[3.HEADER]"),
        (
            b"BODY.PEEK[HEADER.FIELDS (Date FROM)]",
            Section((), Text.FIELDS, (b"Date", b"FROM")),
            None,
            True,
            b"BODY[HEADER.FIELDS (Date FROM)]",
        ),
        (
            b'BODY[2.header.fields.not ("x(y" To)]<3.4294967295>',
            Section((2,), Text.FIELDS_NOT, (b"x(y", b"To")),
            Partial(3, 4294967295),
            False,
            b'BODY[2.HEADER.FIELDS.NOT ("x(y" To)]<3>',
        ),
        (b"RFC822", Section(), None, False, b"RFC822"),
        (b"RFC822.HEADER", Section((), Text.HEADER), None, True, b"RFC822.HEADER"),
        (b"rfc822.text", Section((), Text.TEXT), None, False, b"RFC822.TEXT"),
    ],
)
def test_sections(wire: bytes, wanted: Section, partial: Partial | None, peek: bool, label: bytes) -> None:
    assert section(wire) == BodySection(wanted, partial, peek, label)


def test_a_list_of_both() -> None:
    items = parse(b"(FLAGS BODY[HEADER.FIELDS (DATE FROM)] BODY UID BODY.PEEK[1.2]<5.6>)")
    assert [type(item) for item in items] == [Attribute, BodySection, Attribute, Attribute, BodySection]


def test_field_names_may_be_literals() -> None:
    args = Arguments(b"BODY[HEADER.FIELDS ({4}", 0, [(b"Date", b" To)]")])
    (item,) = fetch_items(args)
    args.end()
    assert isinstance(item, BodySection)
    assert item.section.fields == (b"Date", b"To")


@pytest.mark.parametrize(
    "wire",
    [
        b"",
        b"()",
        b"(ALL)",
        b"(FLAGS FAST)",
        b"FLAGS UID",
        b"(FLAGS  UID)",
        b"NONESUCH",
        b"BODY.PEEK",
        b"BODY[",
        b"BODY[1",
        b"BODY[1.]",
        b"BODY[.1]",
        b"BODY[.TEXT]",
        b"BODY[1..2]",
        b"BODY[0]",
        b"BODY[01]",
        b"BODY[9999999999]",
        b"BODY[MIME]",
        b"BODY[TEXT.1]",
        b"BODY[TEXT.MIME]",
        b"BODY[HEADER.FIELDS]",
        b"BODY[HEADER.FIELDS ()]",
        b"BODY[HEADER.FIELDS(To)]",
        b'BODY[HEADER.FIELDS ("a b")]',
        b'BODY[HEADER.FIELDS ("To:")]',
        b'BODY[HEADER.FIELDS ("")]',
        b"BODY[TEXT (To)]",
        b"BODY[]<0>",
        b"BODY[]<0.0>",
        b"BODY[]<.1>",
        b"BODY[]<1.2",
        b"BODY[]<-1.2>",
        b"BODY[]<9223372036854775808.1>",
        b"BODY []",
        b"RFC822[]",
        b"RFC822.SIZE<0.1>",
        b"BODYSTRUCTURE[]",
    ],
)
def test_faults(wire: bytes) -> None:
    with pytest.raises(SyntaxFault):
        parse(wire)


def test_limits() -> None:
    assert len(section(b"BODY[" + b".".join([b"1"] * MAX_PATH) + b"]").section.path) == MAX_PATH
    with pytest.raises(SyntaxFault, match="deep"):
        parse(b"BODY[" + b".".join([b"1"] * (MAX_PATH + 1)) + b"]")
    many = [b"BODY[%d]" % number for number in range(1, MAX_ITEMS + 2)]
    assert len(parse(b"(" + b" ".join(many[:-1]) + b")")) == MAX_ITEMS
    with pytest.raises(SyntaxFault, match="more than"):
        parse(b"(" + b" ".join(many) + b")")


def test_a_new_item_is_a_row() -> None:
    args = Arguments(b"(UID SAVEDATE)")
    assert fetch_items(args, {**ROWS, "SAVEDATE": attribute}) == (Attribute("UID"), Attribute("SAVEDATE"))


def test_imap4rev2_has_no_rfc822_items() -> None:
    for wire in (b"RFC822", b"(UID rfc822.header)", b"RFC822.TEXT"):
        fetch_items(Arguments(wire))
        with pytest.raises(SyntaxFault, match="IMAP4rev2 has no RFC822"):
            fetch_items(Arguments(wire, rev2=True))
    assert fetch_items(Arguments(b"RFC822.SIZE", rev2=True)) == (Attribute("RFC822.SIZE"),)
