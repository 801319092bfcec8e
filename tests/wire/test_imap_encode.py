"""What goes out: RFC 3501 §7 responses, each exactly one, whatever text went in."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from correo.wire.imap import encode


@pytest.mark.parametrize(
    ("value", "wire"),
    [
        ("", b'""'),
        ("a b", b'"a b"'),
        ('say "hi" \\o/', b'"say \\"hi\\" \\\\o/"'),
        (b"a\tb", b'"a\tb"'),
        ("ü", b"{2}\r\n\xc3\xbc"),
        (b"a\r\nb", b"{4}\r\na\r\nb"),
        (b"\xff", b"{1}\r\n\xff"),
        (b"\x00", b"{1}\r\n\x00"),
        ("\ud83d", b'"?"'),
    ],
)
def test_quote(value: str | bytes, wire: bytes) -> None:
    assert encode.quote(value) == wire


@pytest.mark.parametrize(
    ("value", "wire"),
    [
        ("abc]", b"abc]"),
        ("", b'""'),
        ("nil", b'"nil"'),
        ("a b", b'"a b"'),
        ("a*", b'"a*"'),
        (b"\xff", b"{1}\r\n\xff"),
    ],
)
def test_astring(value: str | bytes, wire: bytes) -> None:
    assert encode.astring(value) == wire


def test_nstring() -> None:
    assert encode.nstring(None) == b"NIL"
    assert encode.nstring("NIL") == b'"NIL"'


@pytest.mark.parametrize(
    ("name", "utf8", "wire"),
    [
        ("INBOX", False, b"INBOX"),
        ("Entwürfe", False, b"Entw&APw-rfe"),
        ("Entwürfe", True, '"Entwürfe"'.encode()),
        ("Sent Mail", False, b'"Sent Mail"'),
        ("R&D", False, b"R&-D"),
        ("R&D", True, b"R&D"),
        ("a\r\nb", False, b"a&AA0ACg-b"),
        ("ü\r\n", True, b"{4}\r\n\xc3\xbc\r\n"),
        ('ü"', True, b'"\xc3\xbc\\""'),
        ("", False, b'""'),
    ],
)
def test_mailbox(name: str, utf8: bool, wire: bytes) -> None:
    assert encode.mailbox(name, utf8=utf8) == wire


@pytest.mark.parametrize(
    ("instant", "offset", "wire"),
    [
        (0, 0, b'"01-Jan-1970 00:00:00 +0000"'),
        (837596665_999999, -420, b'"17-Jul-1996 02:44:25 -0700"'),
        (0, 330, b'"01-Jan-1970 05:30:00 +0530"'),
        (-1, 0, b'"31-Dec-1969 23:59:59 +0000"'),
    ],
)
def test_internaldate(instant: int, offset: int, wire: bytes) -> None:
    assert encode.internaldate(instant, offset) == wire


@pytest.mark.parametrize(
    ("wire", "wanted"),
    [
        (encode.ok("a1", "done"), b"a1 OK done\r\n"),
        (encode.ok(encode.UNTAGGED, "ready", "UIDNEXT 7"), b"* OK [UIDNEXT 7] ready\r\n"),
        (encode.ok("*", "x", "PERMANENTFLAGS (\\Seen \\*)"), b"* OK [PERMANENTFLAGS (\\Seen \\*)] x\r\n"),
        (encode.no("a1", "no such mailbox", "NONEXISTENT"), b"a1 NO [NONEXISTENT] no such mailbox\r\n"),
        (encode.bad("a1", ""), b"a1 BAD BAD\r\n"),
        (encode.bad("a1", "[x] y"), b"a1 BAD (x] y\r\n"),
        (encode.bad("a1", "x\r\n* OK y"), b"a1 BAD x?* OK y\r\n"),
        (encode.no("a1", "Grüße", "X\r\n]Y"), b"a1 NO [X?Y] Gr?e\r\n"),
        (encode.bye("later", "UNAVAILABLE"), b"* BYE [UNAVAILABLE] later\r\n"),
        (encode.continuation(), b"+ \r\n"),
        (encode.continuation(b"dGVzdA=="), b"+ dGVzdA==\r\n"),
        (encode.capability(["IMAP4rev1", "IDLE"]), b"* CAPABILITY IMAP4rev1 IDLE\r\n"),
        (encode.untagged(b"ENABLED", b"CONDSTORE"), b"* ENABLED CONDSTORE\r\n"),
        (encode.exists(3), b"* 3 EXISTS\r\n"),
        (encode.recent(0), b"* 0 RECENT\r\n"),
        (encode.expunge(2), b"* 2 EXPUNGE\r\n"),
        (encode.vanished([(405, 405), (407, 409)]), b"* VANISHED 405,407:409\r\n"),
        (encode.vanished([(1, 2)], earlier=True), b"* VANISHED (EARLIER) 1:2\r\n"),
        (
            encode.fetch_response(2, [b"UID 7", b"FLAGS " + encode.flags(["\\Seen"])]),
            b"* 2 FETCH (UID 7 FLAGS (\\Seen))\r\n",
        ),
        (encode.uidfetch_response(7, [b"RFC822.SIZE 1"]), b"* 7 UIDFETCH (RFC822.SIZE 1)\r\n"),
        (encode.search_response([]), b"* SEARCH\r\n"),
        (encode.search_response([2, 84, 882]), b"* SEARCH 2 84 882\r\n"),
        (encode.search_response([2, 5], 917162500), b"* SEARCH 2 5 (MODSEQ 917162500)\r\n"),
        (encode.list_response("LIST", ["\\Noselect"], "/", "ü"), b'* LIST (\\Noselect) "/" &APw-\r\n'),
        (encode.list_response("LSUB", [], None, "a b"), b'* LSUB () NIL "a b"\r\n'),
        (
            encode.status_response("blurdybloop", {"MESSAGES": 231, "UIDNEXT": 44292}),
            b"* STATUS blurdybloop (MESSAGES 231 UIDNEXT 44292)\r\n",
        ),
        (encode.parens([]), b"()"),
        (encode.literal(b"abc"), b"{3}\r\nabc"),
    ],
)
def test_responses(wire: bytes, wanted: bytes) -> None:
    assert wire == wanted


@settings(deadline=None, max_examples=200)
@given(st.text(st.characters(), max_size=20))
def test_any_string_is_one_string(text: str) -> None:
    for wire in (encode.quote(text), encode.astring(text), encode.nstring(text)):
        quoted = re.fullmatch(rb'"(?:[^"\\\r\n\x00\x80-\xff]|\\["\\])*"', wire)
        literal = re.fullmatch(rb"\{(\d+)\}\r\n(.*)", wire, re.DOTALL)
        assert quoted or (literal and int(literal[1]) == len(literal[2])) or re.fullmatch(rb"[!-~]+", wire)


@settings(deadline=None, max_examples=200)
@given(st.text(), st.text())
def test_no_text_can_make_a_second_response(text: str, code: str) -> None:
    wire = encode.no("a1", text, code)
    assert re.fullmatch(rb"a1 NO (\[[ -\\^-~]+\] )?[ -~]+\r\n", wire)
    assert wire.startswith(b"a1 NO [") == bool(code)
