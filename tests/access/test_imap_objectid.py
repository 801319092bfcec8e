"""THREADID (RFC 8474 §5.2)."""

from __future__ import annotations

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from correo.access.imap.objectid import threadid

OBJECTID = re.compile(r"[A-Za-z0-9_-]{1,255}").fullmatch  # RFC 8474 §7


def test_the_eldest_that_is_named_says_which_thread_it_is() -> None:
    first = threadid(b"Message-ID: <a@x>\r\n\r\n", "<a@x>", 1)
    assert threadid(b"References: <a@x> <b@x>\r\n\r\n", "<c@x>", 2) == first
    assert threadid(b"In-Reply-To: <a@x>\r\n\r\n", "", 3) == first
    assert threadid(b"References: <b@x> <a@x>\r\n\r\n", "<c@x>", 4) != first


def test_who_names_nobody_is_alone() -> None:
    assert threadid(b"\r\n", "", 17) == "T17"
    assert threadid(b"References: nonsense\r\n\r\n", "nonsense", 18) == "T18"


@settings(deadline=None, max_examples=100)
@given(st.binary(max_size=200), st.text(max_size=50))
def test_whatever_stands_there_it_is_an_objectid(value: bytes, message_id: str) -> None:
    assert OBJECTID(threadid(b"References: " + value + b"\r\n\r\n", message_id, 1))
