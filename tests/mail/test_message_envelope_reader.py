"""What ENVELOPE said can be read from it again."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from correo.mail.message import envelope, read_header
from correo.mail.message.envelope_reader import Element, First, first_address


def told(raw: bytes, element: Element = Element.FROM) -> First:
    return first_address(envelope(read_header(raw)[0]), element)


def test_first_addresses() -> None:
    raw = (
        b'From: "Doe, \\"J\\\\" <jane@x.example>, bob@y.example\r\nTo: (nobody)\r\nCc: Team: a@b, c@d;, e@f\r\n'
        b"Bcc: z@z\r\nIn-Reply-To: <1@x>\r\nMessage-ID: <2@x>\r\n\r\n"
    )
    assert told(raw) == First(b'Doe, "J\\', b"jane", b"x.example")
    assert told(raw).local == "jane"
    assert told(raw).display == 'Doe, "J\\'
    assert told(raw, Element.TO) == First()
    assert told(raw, Element.TO).display == told(raw, Element.TO).local == ""
    assert told(raw, Element.CC) == First(None, b"Team", None)
    assert told(raw, Element.CC).display == "Team"


def test_sender_and_reply_to_do_not_stand_for_others() -> None:
    raw = b"From: a@a\r\nSender: s@s\r\nReply-To: r@r\r\nTo: t@t\r\nCc: c@c\r\n\r\n"
    assert [told(raw, element).local for element in Element] == ["a", "t", "c"]


def test_display() -> None:
    """RFC 5957 §3."""
    assert told(b"From: =?utf-8?q?J=C3=B6rg?= <j@x>\r\n\r\n").display == "Jörg"
    assert told(b"From: j@x\r\n\r\n").display == "j@x"
    assert First(b"", b"j", None).display == "j"


def test_literals() -> None:
    raw = b"Subject: \xff) (\r\nFrom: J\xc3\xb6rg <j@x>\r\nTo: k@x\r\n\r\n"
    assert told(raw).display == "Jörg"
    assert told(raw, Element.TO).local == "k"


@settings(deadline=None, max_examples=200)
@given(st.binary(max_size=80), st.sampled_from(Element))
def test_anything_can_be_read(octets: bytes, element: Element) -> None:
    first_address(octets, element)
    header = b"From: " + octets.replace(b"\n", b"") + b"\r\nTo: x@y\r\nCc: x@y\r\n\r\n"
    assert element is Element.FROM or told(header, element) == First(None, b"x", b"y")


@pytest.mark.parametrize("piece", [b"(", b")", b'"', b"{9}\r\n", b'(("" NIL', b"\\"])
def test_hostile_envelopes_take_no_time(piece: bytes) -> None:
    began = time.process_time()
    first_address(piece * 20_000, Element.CC)
    assert time.process_time() - began < 1.0
