"""ENVELOPE, BODYSTRUCTURE and BODY in wire form, read back by a small reader of IMAP's lists."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from correo.mail.message import body, bodystructure, envelope, read_header, scan
from correo.mail.message.bodystructure import MAX_EMBEDDED
from correo.mail.message.quoting import MAX_QUOTED, nstring, string

# The reader: RFC 3501 §9's string, number, NIL and parenthesized lists, strict about blanks as the grammar is.

_LEAF = re.compile(rb'"((?:[^"\\\r\n\x00\x80-\xff]|\\["\\])*)"|\{(\d+)\}\r\n|(\d+)|(NIL)')

Wire = bytes | int | None | list["Wire"]


def read(octets: bytes) -> Wire:
    value, end = read_at(octets, 0)
    assert end == len(octets)
    return value


def read_at(octets: bytes, at: int) -> tuple[Wire, int]:
    if octets[at : at + 1] == b"(":
        return read_list(octets, at + 1)
    match = _LEAF.match(octets, at)
    assert match, octets[at : at + 40]
    if match[1] is not None:
        return re.sub(rb"\\(.)", rb"\1", match[1]), match.end()
    if match[2] is not None:
        end = match.end() + int(match[2])
        assert end <= len(octets)
        assert b"\0" not in octets[match.end() : end]
        return octets[match.end() : end], end
    return (int(match[3]) if match[3] else None), match.end()


def read_list(octets: bytes, at: int) -> tuple[list[Wire], int]:
    """Items are parted by one blank, except that nothing stands between two lists."""
    items: list[Wire] = []
    while True:
        item, at = read_at(octets, at)
        items.append(item)
        following = octets[at : at + 1]
        if following == b")":
            return items, at + 1
        if following == b"(":
            assert isinstance(item, list)
        else:
            assert following == b" ", octets[at : at + 40]
            at += 1


# What the two structures must look like (RFC 9051 §9); both fail by assertion.


def check_address(value: Wire) -> None:
    assert isinstance(value, list)
    assert len(value) == 4
    assert all(item is None or isinstance(item, bytes) for item in value)


def check_envelope(value: Wire) -> None:
    assert isinstance(value, list)
    assert len(value) == 10
    for index, item in enumerate(value):
        if 2 <= index <= 7:
            assert item is None or isinstance(item, list)
            for address in item or []:
                check_address(address)
        else:
            assert item is None or isinstance(item, bytes)


def check_params(value: Wire) -> None:
    if value is not None:
        assert isinstance(value, list)
        assert value
        assert len(value) % 2 == 0
        assert all(isinstance(item, bytes) for item in value)


def check_extension(value: list[Wire]) -> None:
    shown, language, location = value
    if shown is not None:
        assert isinstance(shown, list)
        assert isinstance(shown[0], bytes)
        check_params(shown[1])
        assert len(shown) == 2
    assert language is None or (isinstance(language, list) and language)
    assert location is None or isinstance(location, bytes)


def check_body(value: Wire, extended: bool) -> None:
    assert isinstance(value, list)
    if isinstance(value[0], list):
        children = [item for item in value if isinstance(item, list)]
        number = next(index for index, item in enumerate(value) if not isinstance(item, list))
        for child in children[:number]:
            check_body(child, extended)
        assert isinstance(value[number], bytes)
        rest = value[number + 1 :]
        assert len(rest) == (4 if extended else 0)
        if extended:
            check_params(rest[0])
            check_extension(rest[1:])
        return
    kind, subtype = value[0], value[1]
    assert isinstance(kind, bytes)
    assert isinstance(subtype, bytes)
    check_params(value[2])
    assert all(item is None or isinstance(item, bytes) for item in value[3:5])
    assert isinstance(value[5], bytes)
    assert isinstance(value[6], int)
    rest = value[7:]
    if kind == b"text":
        assert isinstance(rest.pop(0), int)
    elif kind == b"message" and subtype in (b"rfc822", b"global"):
        check_envelope(rest.pop(0))
        check_body(rest.pop(0), extended)
        assert isinstance(rest.pop(0), int)
    assert len(rest) == (4 if extended else 0)
    if extended:
        assert rest[0] is None or isinstance(rest[0], bytes)
        check_extension(rest[1:])


def crlf(text: str) -> bytes:
    return text.replace("\n", "\r\n").encode()


def envelope_of(text: str | bytes) -> Wire:
    data = crlf(text) if isinstance(text, str) else text
    value = read(envelope(read_header(data)[0]))
    check_envelope(value)
    return value


@pytest.mark.parametrize(
    ("value", "wire"),
    [
        (b"", b'""'),
        (b"plain", b'"plain"'),
        (b'a "b" \\', b'"a \\"b\\" \\\\"'),
        (b"a\tb", b'"a\tb"'),
        (b"a\r\nb", b"{4}\r\na\r\nb"),
        (b"\xc3\xbc", b"{2}\r\n\xc3\xbc"),
        (b"a\0b", b"{3}\r\na?b"),
        (b"\x7f", b"{1}\r\n\x7f"),
        (b"x" * MAX_QUOTED, b'"' + b"x" * MAX_QUOTED + b'"'),
        (b"x" * (MAX_QUOTED + 1), b"{1001}\r\n" + b"x" * (MAX_QUOTED + 1)),
        (b'"' * (MAX_QUOTED + 1), b"{1001}\r\n" + b'"' * (MAX_QUOTED + 1)),
    ],
)
def test_strings(value: bytes, wire: bytes) -> None:
    assert string(value) == nstring(value) == wire


def test_nil() -> None:
    assert nstring(None) == b"NIL"


def test_the_example_of_rfc3501() -> None:
    # §8, the message of Terry Gray
    header, _ = read_header(
        crlf("""\
Date: Wed, 17 Jul 1996 02:23:25 -0700 (PDT)
From: Terry Gray <gray@cac.washington.edu>
Subject: IMAP4rev1 WG mtg summary and minutes
To: imap@cac.washington.edu
cc: minutes@CNRI.Reston.VA.US, John Klensin <KLENSIN@MIT.EDU>
Message-Id: <B27397-0100000@cac.washington.edu>
MIME-Version: 1.0
Content-Type: TEXT/PLAIN; CHARSET=US-ASCII

""")
    )
    gray = b'(("Terry Gray" NIL "gray" "cac.washington.edu"))'
    assert envelope(header) == (
        b'("Wed, 17 Jul 1996 02:23:25 -0700 (PDT)" "IMAP4rev1 WG mtg summary and minutes" '
        + b" ".join((gray, gray, gray))
        + b' ((NIL NIL "imap" "cac.washington.edu")) ((NIL NIL "minutes" "CNRI.Reston.VA.US")'
        b'("John Klensin" NIL "KLENSIN" "MIT.EDU")) NIL NIL "<B27397-0100000@cac.washington.edu>")'
    )


def test_nothing_is_nil_and_empty_is_empty() -> None:
    assert envelope(read_header(b"")[0]) == b"(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)"
    assert envelope_of("Date:\nSubject:\nFrom:\nTo:\nIn-Reply-To:\nMessage-ID:\n\n") == [
        b"", b"", None, None, None, None, None, None, b"", b"",
    ]  # fmt: skip


def test_sender_and_reply_to() -> None:
    boss: Wire = [[None, None, b"boss", b"x.example"]]
    aide: Wire = [[None, None, b"aide", b"x.example"]]
    found = envelope_of("From: boss@x.example\nSender: aide@x.example\nReply-To:\n\n")
    assert isinstance(found, list)
    assert found[2:5] == [boss, aide, boss]
    found = envelope_of("Reply-To: aide@x.example\n\n")
    assert isinstance(found, list)
    assert found[2:5] == [None, None, aide]


def test_groups_and_routes() -> None:
    found = envelope_of('To: "My Group": A <@r.example:a@x.example>; , b@x.example\n\n')
    assert isinstance(found, list)
    assert found[5] == [
        [None, None, b"My Group", None],
        [b"A", b"@r.example", b"a", b"x.example"],
        [None, None, None, None],
        [None, None, b"b", b"x.example"],
    ]


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (b'a@b.example ("Bob")', rb'("\"Bob\"" NIL "a" "b.example")'),
        (b'a@["x]', rb'(NIL NIL "a" "[\"x]")'),
        (b'"B" <a@["]> (")', rb'("B" NIL "a" "[\"]")'),
        (b'[" "] <a@b.example>', rb'("[\" \"]" NIL "a" "b.example")'),
    ],
)
def test_quotes_in_comments_and_literals_are_escaped(value: bytes, told: bytes) -> None:
    assert told in envelope(read_header(b"From: " + value + b"\r\n\r\n")[0])


def test_destinations_that_occur_twice() -> None:
    found = envelope_of("To: a@x.example\nTo: b@x.example\nSubject: one\nSubject: two\n\n")
    assert isinstance(found, list)
    assert found[5] == [[None, None, b"a", b"x.example"], [None, None, b"b", b"x.example"]]
    assert found[1] == b"one"


def test_values_are_unfolded_and_not_decoded() -> None:
    found = envelope_of(b"Subject: =?utf-8?q?=C3=BC?=\r\n =?utf-8?q?b?=\r\nFrom: \xfc <u@x.example>\r\n\r\n")
    assert isinstance(found, list)
    assert found[1:3] == [b"=?utf-8?q?=C3=BC?= =?utf-8?q?b?=", [[b"\xfc", None, b"u", b"x.example"]]]


def structures(data: bytes) -> tuple[bytes, bytes]:
    root = scan(data)
    extended, plain = bodystructure(data, root), body(data, root)
    check_body(read(extended), True)
    check_body(read(plain), False)
    return extended, plain


def test_simple_text() -> None:
    extended, plain = structures(b"Subject: x\r\n\r\none\r\ntwo\r\n")
    assert plain == b'("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 10 2)'
    assert extended == b'("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 10 2 NIL NIL NIL NIL)'


def test_all_fields() -> None:
    extended, plain = structures(
        crlf("""\
Content-Type: Image/PNG; name="a \\"b\\".png"
Content-Transfer-Encoding: Base64
Content-ID: <i@x.example>
Content-Description: a picture
Content-MD5: Q2hlY2s=
Content-Disposition: inline; filename*0=a; filename*1=b.png
Content-Language: de,en
Content-Location: a.png

QUJD
""")
    )
    basic = b'("image" "png" ("name" "a \\"b\\".png") "<i@x.example>" "a picture" "base64" 6'
    assert plain == basic + b")"
    assert extended == basic + b' "Q2hlY2s=" ("inline" ("filename" "ab.png")) ("de" "en") "a.png")'


def test_multipart() -> None:
    extended, plain = structures(
        crlf("""\
Content-Type: multipart/mixed; boundary=a
Content-Language: en

--a

x
--a
Content-Type: application/pdf
Content-Disposition: attachment

%PDF
--a--
""")
    )
    assert plain == (
        b'(("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 1 0)'
        b'("application" "pdf" NIL NIL NIL "7bit" 4) "mixed")'
    )
    assert extended == (
        b'(("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 1 0 NIL NIL NIL NIL)'
        b'("application" "pdf" NIL NIL NIL "7bit" 4 NIL ("attachment" NIL) NIL NIL)'
        b' "mixed" ("boundary" "a") NIL ("en") NIL)'
    )


def test_embedded_message() -> None:
    extended, plain = structures(
        crlf("""\
Content-Type: message/rfc822

Subject: inside
From: a@x.example

text
""")
    )
    start = (
        b'("message" "rfc822" NIL NIL NIL "7bit" 44 (NIL "inside" ((NIL NIL "a" "x.example"))'
        b' ((NIL NIL "a" "x.example")) ((NIL NIL "a" "x.example")) NIL NIL NIL NIL NIL) '
    )
    inner = b'("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 6 1'
    assert plain == start + inner + b") 4)"
    assert extended == start + inner + b" NIL NIL NIL NIL) 4 NIL NIL NIL NIL)"


def test_charset_named_in_the_long_form_is_not_added_again() -> None:
    extended, _ = structures(b"Content-Type: text/plain; charset*=us-ascii''utf-8\r\n\r\n")
    assert b'("charset*" "us-ascii\'\'utf-8")' in extended


def test_an_embedded_message_that_is_encoded_is_a_file() -> None:
    extended, _ = structures(b"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\nQUJD")
    assert extended.startswith(b'("application" "octet-stream" NIL NIL NIL "base64" 4 ')


def test_envelopes_of_embedded_messages_are_limited() -> None:
    header = b"Subject: inside\r\n" + b"X: " + b"y" * 100_000 + b"\r\n"
    part = b"--a\r\nContent-Type: message/rfc822\r\n\r\n" + header + b"\r\n"
    extended, _ = structures(b"Content-Type: multipart/mixed; boundary=a\r\n\r\n" + part * 12)
    assert extended.count(b'"message" "rfc822"') == 12
    assert extended.count(b'(NIL "inside" NIL') == MAX_EMBEDDED // len(header)


@dataclass
class Field:
    name: bytes
    value: bytes


VALUE = st.one_of(
    st.binary(max_size=30),
    st.lists(
        st.sampled_from(
            [b"a", b"@", b"<", b">", b",", b";", b":", b'"', b"(", b")", b"\\", b" ", b"\r\n ", b"\0", b"\xfc", b"=",
             b"multipart/mixed", b"message/rfc822", b"boundary=a", b"text/html", b"base64", b"filename*0*", b"{3}\r\n "]
        ),
        max_size=12,
    ).map(b"".join),
)  # fmt: skip
NAMES = st.sampled_from(
    [b"From", b"Sender", b"To", b"Cc", b"Bcc", b"Reply-To", b"Date", b"Subject", b"Message-ID", b"In-Reply-To",
     b"Content-Type", b"Content-Disposition", b"Content-ID", b"Content-Description", b"Content-Language",
     b"Content-Location", b"Content-MD5", b"Content-Transfer-Encoding"]
)  # fmt: skip
ENTITY = st.lists(st.builds(Field, NAMES, VALUE), max_size=8).map(
    lambda fields: b"".join(f.name + b": " + f.value + b"\r\n" for f in fields)
)
MESSAGE = st.lists(
    st.one_of(ENTITY, st.sampled_from([b"\r\n", b"--a\r\n", b"--a--\r\n", b"text\r\n"])), max_size=10
).map(b"".join)


@settings(deadline=None, max_examples=250)
@given(st.one_of(MESSAGE, st.binary(max_size=200)))
def test_whatever_comes_is_told_in_good_grammar(data: bytes) -> None:
    check_envelope(read(envelope(read_header(data)[0])))
    structures(data)
