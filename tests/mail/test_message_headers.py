"""Header fields, folding, subsets and comments."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from correo.mail.message import header_subset, iterate_fields, read_header, unfold
from correo.mail.message.comments import comment_end, unescape, without_comments
from correo.mail.message.headers import MAX_HEADER

HEADER = b"Received: from a\r\n\tby b\r\nSubject : Hi\r\n there\r\nX-Empty:\r\nTo: a@example.org\r\nsubject: two\r\n\r\n"


def test_fields_with_offsets() -> None:
    fields = list(iterate_fields(HEADER))
    assert [f.name for f in fields] == [b"Received", b"Subject", b"X-Empty", b"To", b"subject"]
    assert fields[0].value == b" from a\r\n\tby b"
    assert HEADER[fields[1].start : fields[1].end] == b"Subject : Hi\r\n there\r\n"
    assert b"".join(HEADER[f.start : f.end] for f in fields) + b"\r\n" == HEADER


def test_asking_by_name() -> None:
    header, body = read_header(HEADER + b"body")
    assert body == len(HEADER)
    assert header.first(b"received") == b"from a\tby b"
    assert header.first(b"subject") == b"Hi there"
    assert header.first(b"x-empty") == b""
    assert header.first(b"cc") is None
    assert header.every(b"subject") == [b"Hi there", b"two"]
    assert [name for name, _ in header.items()] == [b"Received", b"Subject", b"X-Empty", b"To", b"subject"]


def test_destinations_that_occur_twice_are_one_list() -> None:
    header, _ = read_header(b"To: a@example.org\r\nTo: b@example.org\r\nCc: c@example.org\r\n\r\n")
    assert header.joined(b"to") == b"a@example.org,b@example.org"
    assert header.joined(b"cc") == b"c@example.org"
    assert header.joined(b"bcc") is None


@pytest.mark.parametrize(
    ("data", "body"),
    [
        (b"", 0),
        (b"\r\nbody", 2),
        (b"\nbody", 1),
        (b"A: b\r\n\r\nbody", 8),
        (b"A: b\n\nbody", 6),
        (b"A: b\n\r\nbody", 7),
        (b"A: b\r\n", 6),
        (b"A: b", 4),
        (b"just text\r\nmore\r\n\r\nmore", 0),
        (b" folded: first line\r\n\r\n", 0),
        (b" folded: first line\r\nA: b\r\n\r\nbody", 29),
        (b"UTF8 (A: b\nC: d\n\nbody", 17),
        (b"just text\r\nsee http://x.example\r\n\r\n", 0),
        (b"just text\r\nhttp://x.example\r\n\r\n", 0),
        (b"From joe Mon Jan  1 00:00:00 2024\nA: b\n\nbody", 40),
        (b">From joe\nA: b\n\nbody", 16),
        (b"A: b\r\nnot a field\r\nC: d\r\n\r\nbody", 27),
        (b"A: b\rC: d\r\n\r\nbody", 13),
    ],
)
def test_where_the_header_of_a_message_ends(data: bytes, body: int) -> None:
    assert read_header(data)[1] == body


@pytest.mark.parametrize(
    ("data", "body"),
    [
        (b"", 0),
        (b"\r\nbody", 2),
        (b"A: b\r\n c\r\n\r\nbody", 12),
        (b"A: b\r\nbody\r\n\r\n", 6),
        (b"body\r\n\r\nmore", 0),
        (b"A: b", 4),
    ],
)
def test_where_the_header_of_a_part_ends(data: bytes, body: int) -> None:
    assert read_header(data, in_multipart=True)[1] == body


def test_lines_that_are_no_fields_are_skipped() -> None:
    header, _ = read_header(b"A: b\r\nrubbish with a colon: here\r\n more\r\nSubject: kept\r\n\r\n")
    assert list(header.items()) == [(b"A", b"b"), (b"Subject", b"kept")]


def test_fields_beyond_the_limit_are_not_seen_and_the_body_is_still_found() -> None:
    data = b"A: b\r\n" + b"X: y\r\n" * (MAX_HEADER // 6) + b"Subject: far\r\n\r\nbody"
    header, body = read_header(data)
    assert header.first(b"a") == b"b"
    assert header.first(b"subject") is None
    assert data[body:] == b"body"


@pytest.mark.parametrize(
    ("raw", "unfolded"),
    [
        (b" a\r\n b", b"a b"),
        (b" a\n\tb ", b"a\tb"),
        (b"\r\n a", b"a"),
        (b"a\r\n", b"a"),
        (b"", b""),
        (b"a\rb", b"a\rb"),
    ],
)
def test_unfold(raw: bytes, unfolded: bytes) -> None:
    assert unfold(raw) == unfolded


def test_subset_keeps_octets_and_order() -> None:
    assert (
        header_subset(HEADER, [b"TO", b"subject"])
        == b"Subject : Hi\r\n there\r\nTo: a@example.org\r\nsubject: two\r\n\r\n"
    )
    assert header_subset(HEADER, {b"Nothing"}) == b"\r\n"
    assert header_subset(HEADER, [b"received", b"x-empty", b"TO"], invert=True) == (
        b"Subject : Hi\r\n there\r\nsubject: two\r\n\r\n"
    )
    assert header_subset(HEADER, [], invert=True) == HEADER


def test_subset_matches_whole_names_only() -> None:
    assert header_subset(b"X-To: a\r\nTo: b\r\n\r\n", [b"To"]) == b"To: b\r\n\r\n"


def test_subset_of_a_header_that_is_cut_short() -> None:
    assert header_subset(b"To: b", [b"to"]) == b"To: b\r\n\r\n"
    assert header_subset(b"To: b\r", [b"to"]) == b"To: b\r\n\r\n"
    assert header_subset(b"", [b"to"], invert=True) == b"\r\n"


@settings(deadline=None, max_examples=100)
@given(st.binary(max_size=200), st.lists(st.binary(max_size=3), max_size=3))
def test_subset_and_its_complement_are_all_fields(data: bytes, names: list[bytes]) -> None:
    fields = sum(1 for _ in iterate_fields(data))
    kept, rest = header_subset(data, names), header_subset(data, names, invert=True)
    assert len(list(iterate_fields(kept))) + len(list(iterate_fields(rest))) == fields
    assert kept.endswith(b"\r\n")


@pytest.mark.parametrize(
    ("value", "left"),
    [
        (b"text/plain", b"text/plain"),
        (b"text (a (nested) one) /plain", b"text   /plain"),
        (b'"(no comment)" (one)', b'"(no comment)"  '),
        (b"a (\\) still) b", b"a   b"),
        (b'(a " in it) b', b"  b"),
        (b"name=foo(1.pdf", b"name=foo(1.pdf"),
        (b"a) b (c)", b"a) b  "),
        (b'"never closed (', b'"never closed ('),
    ],
)
def test_comments_are_taken_out(value: bytes, left: bytes) -> None:
    assert without_comments(value) == left


def test_ends_of_comments() -> None:
    assert comment_end(b"x(a(b)c)d", 1) == 8
    assert comment_end(b"((a)", 0) == -1
    assert unescape(b'a\\"b\\\\') == b'a"b\\'
