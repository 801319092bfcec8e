"""The rules of RFC 3501 §9 one by one, and there and back with `encode`."""

from __future__ import annotations

import datetime
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from correo.wire.imap import encode
from correo.wire.imap.framing import Command, Server
from correo.wire.imap.grammar import MAX_DEPTH, Arguments, SyntaxFault
from correo.wire.imap.types import DateTime


def arguments(wire: bytes, *, utf8: bool = False) -> Arguments:
    """What a client sent, as the framing hands it on."""
    core = Server(literal_limit=lambda _: 1 << 20, line_limit=1 << 20)
    core.utf8 = utf8
    core.receive(b"a X " + wire + b"\r\n")
    event = core.next_event()
    assert isinstance(event, Command)
    return event.arguments.sp()


def read(rule: Callable[[Arguments], object], wire: bytes, *, utf8: bool = False) -> object:
    args = arguments(wire, utf8=utf8)
    value = rule(args)
    args.end()
    return value


A = Arguments
GOOD: list[tuple[Callable[[Arguments], object], bytes, object]] = [
    (A.atom, b"PLAIN", "PLAIN"),
    (A.atom, b"+/=", "+/="),
    (A.atom, b"a[b", "a[b"),
    (A.astring, b"a]b", b"a]b"),
    (A.astring, b"NIL", b"NIL"),
    (A.astring, b'""', b""),
    (A.astring, b'"a b"', b"a b"),
    (A.astring, b'"\\"\\\\"', b'"\\'),
    (A.astring, b'"(%*{5}"', b"(%*{5}"),
    (A.astring, '"Grüße"'.encode(), "Grüße".encode()),
    (A.astring, b"{3}\r\na\r\n", b"a\r\n"),
    (A.astring, b"{3+}\r\na b", b"a b"),
    (A.astring, b"{0}\r\n", b""),
    (A.astring, b"{000000003+}\r\nabc", b"abc"),
    (A.nstring, b"nil", None),
    (A.nstring, b'"NIL"', b"NIL"),
    (A.nstring, b"{3}\r\nNIL", b"NIL"),
    (A.literal, b"{2}\r\n\x00\xff", b"\x00\xff"),
    (A.literal8, b"~{2+}\r\n\x00\xff", b"\x00\xff"),
    (A.number, b"0", 0),
    (A.number, b"007", 7),
    (A.number, b"4294967295", 4294967295),
    (A.nz_number, b"1", 1),
    (A.number64, b"9223372036854775807", (1 << 63) - 1),
    (A.word, b"Body.Peek", "BODY.PEEK"),
    (A.mailbox, b"inBox", "INBOX"),
    (A.mailbox, b'"INBOX/Sent"', "INBOX/Sent"),
    (A.mailbox, b"inbox/a", "INBOX/a"),
    (A.mailbox, b"inboxes", "inboxes"),
    (A.mailbox, b'""', ""),
    (A.mailbox, b"Entw&APw-rfe", "Entwürfe"),
    (A.mailbox, b"{5}\r\nR&-D!", "R&D!"),
    (A.list_mailbox, b"%", "%"),
    (A.list_mailbox, b"&APw-*/%", "ü*/%"),
    (A.list_mailbox, b'"*"', "*"),
    (A.list_mailbox, b'""', ""),
    (A.list_mailbox, b"a]", "a]"),
    (A.flag, b"\\Seen", "\\Seen"),
    (A.flag, b"$Junk", "$Junk"),
    (A.flag_list, b"()", []),
    (A.flag_list, b"(\\Seen $a b)", ["\\Seen", "$a", "b"]),
    (A.date, b"1-Feb-1994", datetime.date(1994, 2, 1)),
    (A.date, b'"01-feb-1994"', datetime.date(1994, 2, 1)),
    (A.date, b"29-FEB-2024", datetime.date(2024, 2, 29)),
    (A.date_time, b'"17-Jul-1996 02:44:25 -0700"', DateTime(837596665_000000, -420)),
    (A.date_time, b'" 1-Jan-1970 00:00:00 +0000"', DateTime(0, 0)),
    (A.date_time, b'"01-Jan-1970 05:30:00 +0530"', DateTime(0, 330)),
    (A.date_time, b'"31-Dec-2016 23:59:60 +0000"', DateTime(1483228799_000000, 0)),
    (A.date_time, b'"31-Dec-1969 23:59:59 +0000"', DateTime(-1_000000, 0)),
]

BAD: list[tuple[Callable[[Arguments], object], bytes]] = [
    (A.atom, b""),
    (A.atom, b'"x"'),
    (A.atom, b"a]"),
    (A.atom, b"a b"),
    (A.atom, b"a\\"),
    (A.atom, b"caf\xe9"),
    (A.atom, b"a\x00"),
    (A.astring, b""),
    (A.astring, b"("),
    (A.astring, b"a*"),
    (A.astring, b'"open'),
    (A.astring, b'"a\\n"'),
    (A.astring, b'"a\rb"'),
    (A.astring, b'"a\x00b"'),
    (A.astring, b'"\xe4"'),
    (A.astring, b"\xc3\xa4"),
    (A.astring, b"{3}\r\na\x00b"),
    (A.astring, b"{3} "),
    (A.astring, b"{3-}"),
    (A.astring, b"~{3}\r\nabc"),
    (A.astring, b'"x{3}\r\nabc"'),
    (A.astring, b'"a""b"'),
    (A.nstring, b"NILS"),
    (A.literal, b'"x"'),
    (A.literal8, b"{1}\r\nx"),
    (A.number, b""),
    (A.number, b"-1"),
    (A.number, b"1x"),
    (A.number, b"4294967296"),
    (A.number, b"9" * 5000),
    (A.nz_number, b"0"),
    (A.nz_number, b"01"),
    (A.number64, b"9223372036854775808"),
    (A.word, b""),
    (A.word, b"("),
    (A.mailbox, b"R&D"),
    (A.mailbox, b'"\xc3\xa4"'),
    (A.mailbox, b"&AAA-"),
    (A.mailbox, b"a%"),
    (A.list_mailbox, b"a b"),
    (A.list_mailbox, b"\\"),
    (A.flag, b"\\"),
    (A.flag, b"\\*"),
    (A.flag, b"\\\\Seen"),
    (A.flag, b"a]"),
    (A.flag_list, b"(a  b)"),
    (A.flag_list, b"( a)"),
    (A.flag_list, b"(a )"),
    (A.flag_list, b"( )"),
    (A.flag_list, b"(a"),
    (A.flag_list, b"a"),
    (A.date, b"30-Feb-1994"),
    (A.date, b"1-Foo-1994"),
    (A.date, b"1-Feb-0000"),
    (A.date, b"001-Feb-1994"),
    (A.date, b'"1-Feb-1994'),
    (A.date, b"1-Feb-94"),
    (A.date_time, b'"1-Jan-1970 00:00:00 +0000"'),
    (A.date_time, b'"31-Jun-1996 02:44:25 -0700"'),
    (A.date_time, b'"17-Jul-1996 24:00:00 +0000"'),
    (A.date_time, b'"17-Jul-1996 23:60:00 +0000"'),
    (A.date_time, b'"17-Jul-1996 23:00:61 +0000"'),
    (A.date_time, b'"17-Jul-1996 23:00:00 +2400"'),
    (A.date_time, b'"17-Jul-1996 23:00:00 +0060"'),
    (A.date_time, b'"01-Jan-0001 00:00:00 +1400"'),
    (A.date_time, b'"31-Dec-9999 23:59:59 -1400"'),
    (A.date_time, b"17-Jul-1996"),
]


@pytest.mark.parametrize(("rule", "wire", "value"), GOOD)
def test_rule(rule: Callable[[Arguments], object], wire: bytes, value: object) -> None:
    assert read(rule, wire) == value


@pytest.mark.parametrize(("rule", "wire"), BAD)
def test_fault(rule: Callable[[Arguments], object], wire: bytes) -> None:
    with pytest.raises(SyntaxFault) as fault:
        read(rule, wire)
    assert fault.value.status == "BAD"
    assert fault.value.reason.isascii()
    assert fault.value.reason.isprintable()


@pytest.mark.parametrize(
    ("rule", "wire", "value"),
    [
        (A.mailbox, '"Entwürfe"'.encode(), "Entwürfe"),
        (A.mailbox, b"R&D", "R&D"),
        (A.mailbox, '"ınbox"'.encode(), "ınbox"),  # a dotless i makes no INBOX
        (A.list_mailbox, '"ü*"'.encode(), "ü*"),
    ],
)
def test_names_in_utf8(rule: Callable[[Arguments], object], wire: bytes, value: object) -> None:
    assert read(rule, wire, utf8=True) == value


def test_a_name_as_it_was_spelled() -> None:
    assert Arguments(b"inbox/a").spelled_mailbox() == "inbox/a"
    assert Arguments(b"&APw-").spelled_mailbox() == "ü"
    assert Arguments('"ü"'.encode(), utf8=True).spelled_mailbox() == "ü"


def test_a_name_in_utf8_must_be_utf8() -> None:
    with pytest.raises(SyntaxFault):
        read(A.mailbox, b"{1}\r\n\xe4", utf8=True)


def test_a_rule_reads_as_the_abnf() -> None:
    args = arguments(b'Sent (\\Seen) "17-Jul-1996 02:44:25 -0700" {5+}\r\nHello')
    name = args.mailbox()
    flags = args.sp().flag_list()
    when = args.sp().date_time()
    message = args.sp().literal()
    args.end()
    assert (name, flags, when.offset, message) == ("Sent", ["\\Seen"], -420, b"Hello")


def test_optional_parts() -> None:
    args = arguments(b"return (x)")
    assert not args.take_word("RET")
    assert args.take_word("RETURN")
    assert not args.take(b"(")
    args.sp().expect(b"(")
    assert args.at_word()
    assert args.word() == "X"
    assert not args.at_end()
    with pytest.raises(SyntaxFault, match=r"\] is missing"):
        args.expect(b"]")
    assert args.take(b")")
    assert args.at_end()


@pytest.mark.parametrize("wire", [b"a  b", b"a\tb", b"a", b" a b"])
def test_exactly_one_space(wire: bytes) -> None:
    args = arguments(wire)
    with pytest.raises(SyntaxFault):
        args.atom()
        args.sp().atom()
        args.end()


def test_what_is_left_over_is_a_fault() -> None:
    for wire in (b"a b", b"a ", b"a{3}\r\nxyz", b"a {0}\r\n"):
        args = arguments(wire)
        args.atom()
        with pytest.raises(SyntaxFault):
            args.end()


def test_literals_in_a_list() -> None:
    args = arguments(b'({1}\r\na "b" {2+}\r\n() c)')
    assert args.paren_list(A.astring) == [b"a", b"b", b"()", b"c"]
    args.end()


def nested(args: Arguments) -> object:
    return args.paren_list(nested, least=0)


def test_depth_is_counted() -> None:
    assert read(nested, b"(" * MAX_DEPTH + b")" * MAX_DEPTH) is not None
    assert read(lambda args: args.paren_list(nested), b"(" + b" ".join([b"()"] * 1000) + b")") == [[]] * 1000
    with pytest.raises(SyntaxFault, match="deep"):
        read(nested, b"(" * (MAX_DEPTH + 1) + b")" * (MAX_DEPTH + 1))
    with pytest.raises(SyntaxFault, match="deep"):
        read(nested, b"(" * 60_000)


# -- there and back ---------------------------------------------------------------------------------------------------

OCTETS = st.binary(max_size=40).map(lambda octets: octets.replace(b"\x00", b""))
NAMES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=20)
BOXES = NAMES.filter(lambda name: name[:5].upper() != "INBOX")


@settings(deadline=None, max_examples=200)
@given(OCTETS)
def test_strings_come_back(octets: bytes) -> None:
    assert read(A.astring, encode.astring(octets)) == octets
    assert read(A.string, encode.quote(octets)) == octets
    assert read(A.nstring, encode.nstring(octets)) == octets


@settings(deadline=None, max_examples=200)
@given(BOXES, st.booleans())
def test_mailbox_names_come_back(name: str, utf8: bool) -> None:
    assert read(A.mailbox, encode.mailbox(name, utf8=utf8), utf8=utf8) == name


@settings(deadline=None, max_examples=100)
@given(st.integers(-60_000_000_000, 250_000_000_000), st.integers(-1439, 1439))
def test_date_times_come_back(seconds: int, offset: int) -> None:
    wire = encode.internaldate(seconds * 1_000_000, offset)
    assert read(A.date_time, wire) == DateTime(seconds * 1_000_000, offset)


@settings(deadline=None, max_examples=100)
@given(st.lists(st.text("abcXYZ$0-9", min_size=1, max_size=5)))
def test_flags_come_back(names: list[str]) -> None:
    flags = ["\\Seen", *names]
    assert read(A.flag_list, encode.flags(flags)) == flags
