"""IMAP URLs as CATENATE takes them (RFC 4469 §3)."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from correo.wire.imap.fetch import Section, Text
from correo.wire.imap.url import MessageUrl, message_url


@pytest.mark.parametrize(
    ("url", "wanted"),
    [
        ("/INBOX;UIDVALIDITY=7/;UID=20", MessageUrl("INBOX", 7, 20, Section())),
        ("/INBOX/;UID=20", MessageUrl("INBOX", None, 20, Section())),
        (
            "/a/b%20c;uidvalidity=7/;uid=2/;section=1.MIME",
            MessageUrl("a/b c", 7, 2, Section((1,), Text.MIME)),
        ),
        ("/m%C3%BCll/;UID=1/;SECTION=HEADER", MessageUrl("müll", None, 1, Section((), Text.HEADER))),
        (
            "/x/;UID=1/;SECTION=HEADER.FIELDS%20(a%20b)",
            MessageUrl("x", None, 1, Section((), Text.FIELDS, (b"a", b"b"))),
        ),
        (";UID=3/;SECTION=1.2", MessageUrl("", None, 3, Section((1, 2)))),
        ("/;UID=3", MessageUrl("", None, 3, Section())),
        ("/x/;UID=3/;PARTIAL=0.1024", MessageUrl("x", None, 3, Section(), 0, 1024)),
        ("/x/;UID=3/;SECTION=1.2/;partial=7", MessageUrl("x", None, 3, Section((1, 2)), 7)),
        (
            "/x/;UID=3/;SECTION=HEADER/;PARTIAL=00.9223372036854775807",
            MessageUrl("x", None, 3, Section((), Text.HEADER), 0, 2**63 - 1),
        ),
    ],
)
def test_url(url: str, wanted: MessageUrl) -> None:
    assert message_url(url) == wanted


@pytest.mark.parametrize(
    "url",
    [
        "",
        "/",
        "/INBOX",
        "/INBOX;UID=0",
        "/INBOX/;UID=4294967296",
        "/INBOX/;UID=1/;SECTION=",
        "/INBOX/;UID=1/;SECTION=1]",
        "/INBOX/;UID=1/;SECTION=0",
        "/INBOX/;UID=1/;SECTION=HEADER.FIELDS",
        "/INBOX/;UID=1/;PARTIAL=",
        "/INBOX/;UID=1/;PARTIAL=0.0",
        "/INBOX/;UID=1/;PARTIAL=0.",
        "/INBOX/;UID=1/;PARTIAL=-1.5",
        "/INBOX/;UID=1/;PARTIAL=9223372036854775808.1",
        "/INBOX/;UID=1;PARTIAL=0.1",
        "/INBOX/;UID=1/;PARTIAL=0.1/;SECTION=1",
        "/INBOX/;PARTIAL=0.1",
        "/INBOX/;UID=1;URLAUTH=anonymous",
        "/%ff/;UID=1",
        "/%00/;UID=1",
        "imap://example.org/INBOX/;UID=1",
        "//example.org/INBOX/;UID=1",
        "http:/INBOX/;UID=1",
    ],
)
def test_no_url(url: str) -> None:
    assert message_url(url) is None


def test_what_is_cut() -> None:
    url = message_url("/x/;UID=1/;PARTIAL=2.3")
    assert url
    assert [url.cut(octets) for octets in (b"0123456", b"0123", b"01", b"")] == [b"234", b"23", b"", b""]
    rest = message_url("/x/;UID=1/;PARTIAL=5")
    assert rest
    assert rest.cut(b"0123456") == b"56"


@given(st.text(alphabet=";/=%()[]. 1UIDSECTONuidsecton\x00é", max_size=60))
@settings(max_examples=200, deadline=None)
def test_nothing_raises(text: str) -> None:
    message_url("/x/;UID=1/;SECTION=" + text)
    message_url("/x/;UID=1/;PARTIAL=" + text)
    message_url(text)
