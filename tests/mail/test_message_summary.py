"""The one call at arrival."""

from __future__ import annotations

from dataclasses import replace

import fast_mail_parser
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from correo.mail.message import (
    bodystructure,
    encode_words,
    envelope,
    glance,
    read_header,
    scan,
    summarise,
    unpack,
)
from correo.mail.message.summary import MAX_SUBJECT

DATA = (
    b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n  aus   Wien\r\n"
    b"Message-ID:\r\n <one@x.example> (comment)\r\n"
    b"Date: Fri, 21 Nov 1997 09:55:06 -0600\r\nFrom: a@x.example\r\n"
    b"Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\n\r\nx\r\n--a--\r\n"
)


def test_summary() -> None:
    summary = summarise(DATA)
    assert summary.size == len(DATA)
    assert DATA[summary.header_size :].startswith(b"--a\r\n")
    assert summary.message_id == "<one@x.example>"
    assert summary.subject == "Grüße aus Wien"
    assert summary.sent == (880127706_000_000, -360)
    assert summary.envelope == envelope(read_header(DATA)[0])
    assert summary.bodystructure == bodystructure(DATA, scan(DATA))
    assert unpack(summary.parts) == scan(DATA)


@given(
    st.lists(st.sampled_from([*DATA.splitlines(keepends=True), b"\r\n", b"\n", b"\xff", b"\0:"]), max_size=12)
)
@settings(deadline=None, max_examples=100)
def test_a_glance_sees_the_same_and_leaves_out_what_is_for_readers(pieces: list[bytes]) -> None:
    data = b"".join(pieces)
    whole = summarise(data)
    assert glance(data) == replace(whole, envelope=b"", bodystructure=b"", parts=b"", preview="")
    assert whole.envelope  # by which the two are told apart


def test_summary_of_nothing() -> None:
    summary = summarise(b"")
    assert (summary.size, summary.header_size, summary.message_id, summary.subject) == (0, 0, "", "")
    assert summary.sent is None


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (b" <a@b>", "<a@b>"),
        (b" a@b ", "a@b"),
        (b" rubbish <a@b> <c@d>", "<a@b>"),
        (b" <a b@c>", "<a b@c>"),
        (b" <\xc3\xbc@b>", "<ü@b>"),
        (b" <\0@b>", "<\ufffd@b>"),
        (b"", ""),
        (b" " + b"x" * 5_000, "x" * 998),
    ],
)
def test_message_ids(value: bytes, found: str) -> None:
    assert summarise(b"Message-ID:" + value + b"\r\n\r\n").message_id == found


def test_long_subjects_are_cut() -> None:
    assert summarise(b"Subject: " + b"x" * 5_000 + b"\r\n\r\n").subject == "x" * MAX_SUBJECT
    long = "ü" * 600
    assert summarise(f"Subject: {encode_words(long)}\r\n\r\n".encode()).subject == "ü" * MAX_SUBJECT


def test_a_subject_holds_no_line_ends_and_no_nul() -> None:
    data = b"Subject: =?utf-8?q?a=0D=0ABcc:_x=00y?=\r\n\r\n"
    assert summarise(data).subject == "a Bcc: x\ufffdy"


PRINTABLE = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zs", "Zl", "Zp"]), min_size=1, max_size=8)


@settings(deadline=None, max_examples=60)
@given(st.lists(PRINTABLE, min_size=1, max_size=12).map(" ".join))
def test_subjects_against_a_rust_parser(subject: str) -> None:
    data = f"Subject: {encode_words(subject, 9)}\r\nFrom: a@x.example\r\n\r\nbody".encode()
    assert summarise(data).subject == subject
    assert fast_mail_parser.parse_email(data).subject == subject


@settings(deadline=None, max_examples=150)
@given(
    st.one_of(
        st.binary(max_size=300), st.binary(max_size=80).map(lambda shred: DATA[:60] + shred + DATA[60:])
    )
)
def test_anything_has_a_summary(data: bytes) -> None:
    summary = summarise(data)
    assert summary.size == len(data)
    assert 0 <= summary.header_size <= len(data)
    assert "\0" not in summary.subject + summary.message_id
    assert len(summary.subject.encode() + summary.message_id.encode()) <= 4 * (MAX_SUBJECT + 998)
    assert unpack(summary.parts) == scan(data)
