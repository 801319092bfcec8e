"""Every protocol against clients who send anything at all, and against clients who send nearly the right thing."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.fuzz.arena import KINDS, attack, examples
from tests.fuzz.dialogs import LOGINS, bent, noise

QUICK = settings(max_examples=examples(60), suppress_health_check=list(HealthCheck))


@pytest.mark.parametrize("kind", KINDS)
@QUICK
@given(st.data(), st.booleans())
def test_any_octets(kind: str, data: st.DataObject, hang_up: bool) -> None:
    attack(kind, data.draw(noise(kind)), hang_up=hang_up)


@pytest.mark.parametrize("kind", KINDS)
@QUICK
@given(st.data(), st.booleans())
def test_nearly_right(kind: str, data: st.DataObject, hang_up: bool) -> None:
    attack(kind, data.draw(bent(kind)), hang_up=hang_up)


@pytest.mark.parametrize(
    "octets",
    [
        b"x",
        b"x\r\n",
        b"\r\n",
        b"\n",
        b"\r",
        b"\0",
        b"(",
        b"a (",
        b'a "',
        b"a NOOP\r\n",
        b"{9}\r\n",
        b"a {1+}\r\nx",
        b"<",
        b",",
        b"\xff",
        b".\r\n",
        b"a FETCH 1:*,",
    ],
    ids=repr,
)
@pytest.mark.parametrize("kind", KINDS)
def test_floods(kind: str, octets: bytes) -> None:
    flood = octets * (16_384 // len(octets))
    attack(kind, [flood] * 40)
    attack(kind, [LOGINS[kind], *[flood] * 40])


BEGINNINGS = [
    ("mx", b"EHLO c\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<bob@example.org>\r\nDATA\r\n"),
    ("mx", b"EHLO c\r\nMAIL FROM:<"),
    ("submission", b"EHLO c\r\nAUTH PLAIN "),
    ("imap", b"a LOGIN alice@example.org secret\r\nb APPEND INBOX {1000000+}\r\n"),
    ("imap", b"a LOGIN alice@example.org secret\r\nb SELECT INBOX\r\nc SEARCH OR "),
    ("imap", b"a AUTHENTICATE PLAIN\r\n"),
    ("imap", b"a LOGIN alice@example.org secret\r\nb IDLE\r\n"),
    ("pop3", b"USER "),
]


@pytest.mark.parametrize("octets", [b"x", b"x\r\n", b"\r\n.", b"NOT OR ", b"\n", b"\r\r\r"], ids=repr)
@pytest.mark.parametrize(("kind", "beginning"), BEGINNINGS)
def test_floods_in_the_middle(kind: str, beginning: bytes, octets: bytes) -> None:
    attack(kind, [beginning, *[octets * (16_384 // len(octets))] * 40])
