"""Bodies decoded, and what a search looks through."""

from __future__ import annotations

import base64
import binascii
import quopri

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from correo.mail.message import body_text, decode_body, scan, searchable
from correo.mail.message.text import decode_base64


def crlf(text: str) -> bytes:
    return text.replace("\n", "\r\n").encode()


def decoded(encoding: str, octets: bytes, kind: str = "application/x-y") -> bytes:
    data = f"Content-Type: {kind}\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n".encode() + octets
    return decode_body(data, scan(data))


@pytest.mark.parametrize(
    ("encoding", "octets", "expected"),
    [
        ("7bit", b"a\r\nb", b"a\r\nb"),
        ("8bit", b"\xff\r\n", b"\xff\r\n"),
        ("x-unknown", b"QUJD", b"QUJD"),
        ("base64", b"QUJD\r\nRA==\r\n", b"ABCD"),
        ("base64", b"QU*JD", b"ABC"),
        ("base64", b"QUJDRA", b"ABCD"),
        ("base64", b"QUJDR", b"ABC"),
        ("base64", b"QQ==QUJD", b"AABC"),
        ("base64", b"QQ==\r\nQg==", b"AB"),
        ("base64", b"====", b""),
        ("base64", b"", b""),
        ("quoted-printable", b"a=3Db=\r\nc=C3=BC", b"a=bc\xc3\xbc"),
        ("quoted-printable", b"blanks  \t\r\nend = \r\nx", b"blanks\r\nend x"),
        ("quoted-printable", b"100% =ZZ =", b"100% =ZZ "),
        ("quoted-printable", b"low=c3=bc", b"low\xc3\xbc"),
        ("x-uuencode", b"text\r\nbegin 644 a.txt\r\n#86)C\r\n`\r\nend\r\nmore", b"abc"),
        ("x-uuencode", b"no beginning", b""),
        ("uuencode", b"begin 644 a\r\n#86)C\r\n!!!!!!!!\xff\r\n", b"abc"),
    ],
)
def test_transfer_encodings(encoding: str, octets: bytes, expected: bytes) -> None:
    assert decoded(encoding, octets) == expected


def test_multiparts_and_messages_are_never_encoded() -> None:
    assert decoded("base64", b"--a\r\n\r\nx", "multipart/mixed; boundary=a") == b"--a\r\n\r\nx"
    assert decoded("8bit", b"Subject: x\r\n\r\n", "message/rfc822") == b"Subject: x\r\n\r\n"


@settings(deadline=None, max_examples=60)
@given(st.binary(max_size=300))
def test_round_trips(octets: bytes) -> None:
    assert decoded("base64", base64.encodebytes(octets)) == octets
    assert decoded("quoted-printable", quopri.encodestring(octets)) == quopri.decodestring(
        quopri.encodestring(octets)
    )
    lines = b"".join(binascii.b2a_uu(octets[at : at + 45]) for at in range(0, len(octets), 45))
    assert decoded("x-uue", b"begin 644 x\n" + lines + b"`\nend\n") == octets


@settings(deadline=None, max_examples=100)
@given(st.text("AQUJD=\r\n*", max_size=60))
def test_any_base64(text: str) -> None:
    assert len(decode_base64(text.encode())) <= len(text)


@pytest.mark.parametrize(
    ("params", "octets", "text"),
    [
        ("", b"abc", "abc"),
        ("; charset=utf-8", "Grüße".encode(), "Grüße"),
        ("; charset=iso-8859-15", b"\xa4", "€"),
        ("; charset=nobody-knows", b"a\xff", "a\ufffd"),
        ("", b"Gr\xfc\xdfe", "Grüße"),
        ('; charset="utf-8', "ü".encode(), "ü"),
    ],
)
def test_body_text(params: str, octets: bytes, text: str) -> None:
    data = f"Content-Type: text/plain{params}\r\n\r\n".encode() + octets
    assert body_text(data, scan(data)) == text


MESSAGE = crlf("""\
Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=
From: Jane <jane@x.example>
Content-Type: multipart/mixed; boundary=a

preamble
--a
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: base64

w5xiZXJyYXNjaHVuZw==
--a
Content-Type: application/pdf; name="Rechnung.pdf"
Content-Description: =?utf-8?q?f=C3=BCr_Jane?=

%PDF-opaque
--a
Content-Type: message/rfc822

Subject: inner subject
Content-Type: text/html

<p>inner text</p>
--a--
""")


def test_reports_are_searched_and_messages_that_cannot_be_opened_are_not() -> None:
    def texts(kind: str) -> list[str]:
        data = crlf(f"Content-Type: {kind}\n\nStatus: 5.1.1\n")
        return list(searchable(data, scan(data), headers=False))

    for subtype in ("delivery-status", "disposition-notification", "partial", "external-body"):
        assert texts(f"message/{subtype}") == ["Status: 5.1.1\r\n"]
    assert texts("message/rfc822") == ["Status: 5.1.1", ""]
    assert texts("message/rfc822\nContent-Transfer-Encoding: base64") == []
    assert texts("application/x") == []


def test_searchable() -> None:
    everything = list(searchable(MESSAGE, scan(MESSAGE)))
    assert everything[:2] == ["Subject: Grüße", "From: Jane <jane@x.example>"]
    bodies = list(searchable(MESSAGE, scan(MESSAGE), headers=False))
    assert bodies == everything[3:]
    assert bodies == [
        "Überraschung",
        "Rechnung.pdf",
        "für Jane",
        "Subject: inner subject",
        "Content-Type: text/html",
        "<p>inner text</p>",
    ]


@settings(deadline=None, max_examples=100)
@given(st.binary(max_size=200))
def test_anything_can_be_searched(data: bytes) -> None:
    assert all(isinstance(text, str) for text in searchable(data, scan(data)))
