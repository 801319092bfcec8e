"""SEARCH keys: all of RFC 3501 §6.4.4, character sets, and limits."""

from __future__ import annotations

import datetime

import pytest

from correo.wire.imap.grammar import MAX_DEPTH, Arguments, SyntaxFault
from correo.wire.imap.search import (
    CHARSETS,
    MAX_KEYS,
    ROWS,
    All,
    And,
    Before,
    Body,
    Day,
    EmailId,
    Filter,
    Flag,
    Fuzzy,
    Header,
    Key,
    Larger,
    ModSeq,
    Not,
    Numbers,
    Older,
    On,
    Or,
    Saved,
    Since,
    Smaller,
    Text,
    ThreadId,
    Uids,
    Younger,
    mentions,
    search_program,
)
from correo.wire.imap.types import SequenceSet

SEEN, RECENT, DELETED = Flag("\\Seen"), Flag("\\Recent"), Flag("\\Deleted")
DAY = datetime.date(1994, 2, 1)


def parse(wire: bytes, *, utf8: bool = False) -> Key:
    args = Arguments(wire, utf8=utf8)
    key = search_program(args)
    args.end()
    return key


KEYS: list[tuple[bytes, Key]] = [
    (b"ALL", All()),
    (b"answered", Flag("\\Answered")),
    (b"BCC x", Header("bcc", "x")),
    (b"BEFORE 1-Feb-1994", Before(Day.INTERNAL, DAY)),
    (b'BODY "a b"', Body("a b")),
    (b"CC x", Header("cc", "x")),
    (b"DELETED", DELETED),
    (b"DRAFT", Flag("\\Draft")),
    (b"FILTER on-the-road", Filter("on-the-road")),
    (b"FLAGGED", Flag("\\Flagged")),
    (b'FROM "Smith"', Header("from", "Smith")),
    (b'HEADER Message-ID "<a@b>"', Header("message-id", "<a@b>")),
    (b'HEADER "List-Id" ""', Header("list-id", "")),
    (b"KEYWORD $Junk", Flag("$Junk")),
    (b"LARGER 0", Larger(0)),
    (b"NEW", And((RECENT, Not(SEEN)))),
    (b"NOT SEEN", Not(SEEN)),
    (b"NOT NOT SEEN", Not(Not(SEEN))),
    (b"OLD", Not(RECENT)),
    (b"OLDER 60", Older(60)),
    (b"YOUNGER 4294967295", Younger(4294967295)),
    (b"FUZZY SUBJECT x", Fuzzy(Header("subject", "x"))),
    (b"FUZZY (SEEN DELETED)", Fuzzy(And((SEEN, DELETED)))),
    (b"MODSEQ 0", ModSeq(0)),
    (b'MODSEQ "/flags/\\\\draft" all 620162338', ModSeq(620162338)),
    (b'MODSEQ "/flags/$Junk" PRIV 5', ModSeq(5)),
    (b"UID $", Saved()),
    (b"UIDAFTER 7", Uids(SequenceSet.of([(8, 4294967295)]))),
    (b"UIDAFTER 4294967295", Uids(SequenceSet())),
    (b"UIDBEFORE 7", Uids(SequenceSet.of([(1, 6)]))),
    (b"uidbefore 1", Uids(SequenceSet())),
    (b"$", Saved()),
    (b"OR $ 1", Or((Saved(), Numbers(SequenceSet(((1, 1),)))))),
    (b'ON "1-Feb-1994"', On(Day.INTERNAL, DAY)),
    (b"OR SEEN DELETED", Or((SEEN, DELETED))),
    (b"RECENT", RECENT),
    (b"SEEN", SEEN),
    (b"EMAILID M17", EmailId("M17")),
    (b"THREADID x-1", ThreadId("x-1")),
    (b"SAVEDATESUPPORTED", All()),
    (b"SAVEDBEFORE 1-Feb-1994", Before(Day.SAVED, DAY)),
    (b"SAVEDON 1-Feb-1994", On(Day.SAVED, DAY)),
    (b"SAVEDSINCE 1-Feb-1994", Since(Day.SAVED, DAY)),
    (b"SENTBEFORE 1-Feb-1994", Before(Day.SENT, DAY)),
    (b"SENTON 1-Feb-1994", On(Day.SENT, DAY)),
    (b"SENTSINCE 1-Feb-1994", Since(Day.SENT, DAY)),
    (b"SINCE 1-Feb-1994", Since(Day.INTERNAL, DAY)),
    (b"SMALLER 4294967295", Smaller(4294967295)),
    (b"SUBJECT x", Header("subject", "x")),
    (b"TEXT x", Text("x")),
    (b"TO x", Header("to", "x")),
    (b"UID 1,3:*", Uids(SequenceSet(((1, 1),), (3, 3)))),
    (b"UNANSWERED", Not(Flag("\\Answered"))),
    (b"UNDELETED", Not(DELETED)),
    (b"UNDRAFT", Not(Flag("\\Draft"))),
    (b"UNFLAGGED", Not(Flag("\\Flagged"))),
    (b"UNKEYWORD $Junk", Not(Flag("$Junk"))),
    (b"UNSEEN", Not(SEEN)),
    (b"2:4", Numbers(SequenceSet(((2, 4),)))),
    (b"*", Numbers(SequenceSet((), (1 << 32, 0)))),
    (b"(SEEN)", SEEN),
    (b"(SEEN (DELETED 1))", And((SEEN, And((DELETED, Numbers(SequenceSet(((1, 1),)))))))),
    (
        b'FLAGGED SINCE 1-Feb-1994 NOT FROM "Smith"',
        And((Flag("\\Flagged"), Since(Day.INTERNAL, DAY), Not(Header("from", "Smith")))),
    ),
    (b"OR (SEEN DELETED) NOT 5", Or((And((SEEN, DELETED)), Not(Numbers(SequenceSet(((5, 5),))))))),
    (b"OR OR SEEN DELETED RECENT", Or((SEEN, DELETED, RECENT))),
    (b"OR SEEN OR DELETED RECENT", Or((SEEN, DELETED, RECENT))),
    (b"OR (OR SEEN DELETED) RECENT", Or((SEEN, DELETED, RECENT))),
    (b"OR SEEN NOT OR DELETED RECENT", Or((SEEN, Not(Or((DELETED, RECENT)))))),
]


@pytest.mark.parametrize(("wire", "wanted"), KEYS)
def test_keys(wire: bytes, wanted: Key) -> None:
    assert parse(wire) == wanted


def test_mentions_looks_everywhere() -> None:
    for text in (
        b"MODSEQ 5",
        b"SEEN MODSEQ 5",
        b"OR (DELETED NOT MODSEQ 5) SEEN",
        b"FUZZY NOT (SEEN MODSEQ 5)",
    ):
        assert mentions(parse(text), ModSeq), text
        assert not mentions(parse(text), Numbers), text
    assert mentions(parse(b"OR SEEN (DELETED 1:3)"), Numbers)
    assert not mentions(parse(b"UID 1:3"), Numbers)


def test_every_row_is_tried_above() -> None:
    assert {wire.split()[0].decode().upper() for wire, _ in KEYS} >= set(ROWS)


@pytest.mark.parametrize(
    "wire",
    [
        b"",
        b"()",
        b"NONESUCH",
        b"SEEN ",
        b"SEEN  DELETED",
        b"SEEN)",
        b"(SEEN",
        b"( SEEN)",
        b"NOT",
        b"NOT ",
        b"OR SEEN",
        b"OR OR SEEN DELETED",
        b"FROM",
        b"FROM (x)",
        b"HEADER x",
        b"KEYWORD \\Seen",
        b"KEYWORD",
        b"LARGER x",
        b"MODSEQ",
        b"MODSEQ 9223372036854775808",
        b'MODSEQ "/flags/x" 5',
        b'MODSEQ "/flags/x" some 5',
        b'MODSEQ "/other/x" all 5',
        b'MODSEQ "/flags/x" all',
        b"LARGER 4294967296",
        b"SINCE yesterday",
        b"SINCE 32-Jan-2000",
        b"UID x",
        b"0",
        b"1:2:3",
        b'"x"',
        b"CHARSET",
        b"CHARSET UTF-8",
        b"SEEN CHARSET UTF-8",
        b"NOT CHARSET UTF-8 SEEN",
    ],
)
def test_faults(wire: bytes) -> None:
    with pytest.raises(SyntaxFault) as fault:
        parse(wire)
    assert fault.value.status == "BAD"


def literal(wire: bytes, octets: bytes) -> Key:
    args = Arguments(wire + b"{%d}" % len(octets), 0, [(octets, b"")])
    key = search_program(args)
    args.end()
    return key


@pytest.mark.parametrize(
    ("charset", "text"),
    [
        ("UTF-8", "Grüße 日本"),
        ("utf-8", "é"),
        ("US-ASCII", "plain"),
        ("ISO-8859-1", "Grüße"),
        ("KOI8-R", "Привет"),
        ("ISO-2022-JP", "日本語"),
        ("GB18030", "😀"),
    ],
)
def test_charset(charset: str, text: str) -> None:
    octets = text.encode(CHARSETS[charset.upper()])
    assert literal(f"CHARSET {charset} TEXT ".encode(), octets) == Text(text)
    assert literal(f'CHARSET "{charset}" TEXT '.encode(), octets) == Text(text)


@pytest.mark.parametrize("name", CHARSETS)
def test_every_charset_holds_ascii(name: str) -> None:
    assert literal(f"CHARSET {name} SUBJECT ".encode(), b"plain text") == Header("subject", "plain text")


def test_without_charset_it_is_utf8() -> None:
    assert literal(b"TEXT ", "ü".encode()) == Text("ü")


@pytest.mark.parametrize(
    "name", [b"KLINGON", b"rot13", b"hex", b"idna", b"unicode_escape", b"utf-7", b'""', b'"\xc3\xa4"']
)
def test_unknown_charset_is_a_no(name: bytes) -> None:
    with pytest.raises(SyntaxFault) as fault:
        parse(b"CHARSET " + name + b" TEXT x")
    assert fault.value.status == "NO"
    assert fault.value.code.startswith("BADCHARSET (UTF-8 US-ASCII ")


@pytest.mark.parametrize(
    ("charset", "octets"), [(b"UTF-8", b"\xff"), (b"US-ASCII", b"\xc3\xa4"), (b"GB2312", b"\xff")]
)
def test_octets_outside_the_charset(charset: bytes, octets: bytes) -> None:
    with pytest.raises(SyntaxFault) as fault:
        literal(b"CHARSET " + charset + b" TEXT ", octets)
    assert fault.value.status == "BAD"


def test_no_charset_once_utf8_is_enabled() -> None:  # RFC 6855 §3
    with pytest.raises(SyntaxFault) as fault:
        parse(b"CHARSET UTF-8 ALL", utf8=True)
    assert fault.value.status == "BAD"
    assert parse('TEXT "ü"'.encode(), utf8=True) == Text("ü")


@pytest.mark.parametrize("chain", [b"OR %b" * 500 + b"SEEN", b"OR " * 500 + b" ".join([b"SEEN"] * 501)])
def test_long_ors_are_flat(chain: bytes) -> None:
    key = parse(chain.replace(b"%b", b"SEEN "))
    assert isinstance(key, Or)
    assert len(key.keys) == 501


def test_limits() -> None:
    assert isinstance(parse(b" ".join([b"SEEN"] * MAX_KEYS)), And)
    with pytest.raises(SyntaxFault, match="more than"):
        parse(b" ".join([b"SEEN"] * (MAX_KEYS + 1)))
    with pytest.raises(SyntaxFault, match="more than"):
        parse(b"OR " * MAX_KEYS + b" ".join([b"SEEN"] * (MAX_KEYS + 1)))
    assert isinstance(parse(b"NOT " * (MAX_DEPTH - 1) + b"SEEN"), Not)
    for deep in (b"NOT " * MAX_DEPTH + b"SEEN", b"(" * 60_000, b"OR (" * 20_000, b"NOT OR SEEN (" * 5_000):
        with pytest.raises(SyntaxFault, match="deep"):
            parse(deep)


def test_a_new_key_is_a_row() -> None:
    args = Arguments(b"YOUNGER 60 SEEN")
    rows = {**ROWS, "YOUNGER": lambda reader: Larger(reader.args.sp().nz_number())}
    assert search_program(args, rows) == And((Larger(60), SEEN))


def test_imap4rev2_has_no_recent_keys() -> None:
    for wire in (b"NEW", b"OLD", b"NOT RECENT", b"OR SEEN (DELETED new)"):
        search_program(Arguments(wire))
        with pytest.raises(SyntaxFault, match="IMAP4rev2 has no"):
            search_program(Arguments(wire, rev2=True))


def test_charset_may_be_said_in_imap4rev2() -> None:
    """RFC 9051 §6.4.4, where RFC 6855 §3 forbids it."""
    wire = b"CHARSET UTF-8 SUBJECT x"
    assert search_program(Arguments(wire, utf8=True, rev2=True)) == Header("subject", "x")
    with pytest.raises(SyntaxFault):
        search_program(Arguments(wire, utf8=True))


def test_uids_alone_once_uidonly_is_enabled() -> None:
    for wire in (b"1:3", b"NOT *", b"OR SEEN (UID 1 2)"):
        search_program(Arguments(wire))
        with pytest.raises(SyntaxFault) as fault:
            search_program(Arguments(wire, uid_only=True))
        assert fault.value.code == "UIDREQUIRED"
    assert search_program(Arguments(b"UID 1:*", uid_only=True)) == Uids(SequenceSet.of([], [1]))
    assert search_program(Arguments(b"$", uid_only=True)) == Saved()
