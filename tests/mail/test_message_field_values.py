"""One field looked for in many headers: the same as asking the whole header for it."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from correo.mail.message import field_values, read_header

_pieces = [
    b"Subject:", b"subject :", b"SUBJECT\t:", b"Subjects:", b"From: a", b" Subject: no", b"\tmore", b" x\r", b"\r\n", b"\n", b"\r", b"no field",
    b"\xff", b"\xc4", b":", b"", b"From eve Mon\n", b">From x\n", b"\n\n", b"subject",
]  # fmt: skip
_headers = st.lists(st.sampled_from(_pieces), max_size=14).map(b"".join)


@settings(deadline=None, max_examples=400)
@given(_headers, st.sampled_from([b"subject", b"from", b"", b" subject", b"no field", b"sub", b"\xff"]))
@example(b"Subject: one\r\n\ttwo\r\nSUBJECT : three\r\n\r\nSubject: of the body", b"subject")
def test_it_says_what_the_whole_header_says(header: bytes, name: bytes) -> None:
    assert field_values(header, header.lower(), name) == read_header(header)[0].every(name)


@pytest.mark.parametrize("length", [262_130, 262_144, 262_160])
def test_nothing_beyond_the_limit_is_seen(length: int) -> None:
    header = b"X: " + b"x" * (length - 5) + b"\r\nSubject: far\r\n\r\n"
    assert field_values(header, header.lower(), b"subject") == read_header(header)[0].every(b"subject")
