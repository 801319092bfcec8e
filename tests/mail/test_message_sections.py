"""Part numbers of FETCH, and the packed tree."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from correo.mail.message import Part, pack, resolve, scan, unpack
from correo.mail.message.sections import What, find_part


def crlf(text: str) -> bytes:
    return text.replace("\n", "\r\n").encode()


# The message of RFC 3501 §6.4.5's table.
COMPLEX = crlf("""\
Subject: complex
Content-Type: multipart/mixed; boundary=a

--a

1 text
--a
Content-Type: application/octet-stream

2 octets
--a
Content-Type: message/rfc822

Subject: three
Content-Type: multipart/mixed; boundary=b

--b

3.1 text
--b
Content-Type: application/octet-stream

3.2 octets
--b--
--a
Content-Type: multipart/mixed; boundary=c

--c
Content-Type: image/gif
Content-ID: <gif>

4.1 image
--c
Content-Type: message/rfc822

Subject: four two
Content-Type: multipart/mixed; boundary=d

--d

4.2.1 text
--d
Content-Type: multipart/alternative; boundary=e

--e

4.2.2.1 text
--e
Content-Type: text/richtext

4.2.2.2 text
--e--
--d--
--c--
--a--
""")


def section(data: bytes, *path: int, what: What = "") -> bytes | None:
    found = resolve(scan(data), path, what)
    return None if found is None else data[slice(*found)]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ((1,), b"1 text"),
        ((2,), b"2 octets"),
        ((3, 1), b"3.1 text"),
        ((3, 2), b"3.2 octets"),
        ((4, 1), b"4.1 image"),
        ((4, 2, 1), b"4.2.1 text"),
        ((4, 2, 2, 1), b"4.2.2.1 text"),
        ((4, 2, 2, 2), b"4.2.2.2 text"),
    ],
)
def test_the_table_of_rfc3501(path: tuple[int, ...], body: bytes) -> None:
    assert section(COMPLEX, *path) == body


def test_whole_message() -> None:
    header, text = COMPLEX.split(b"\r\n\r\n", 1)
    assert section(COMPLEX) == COMPLEX
    assert section(COMPLEX, what="HEADER") == header + b"\r\n\r\n"
    assert section(COMPLEX, what="TEXT") == text
    assert section(COMPLEX, what="MIME") is None


def test_embedded_messages() -> None:
    inner = section(COMPLEX, 3)
    assert inner is not None
    assert inner.startswith(b"Subject: three\r\n")
    assert inner.endswith(b"--b--")
    header, text = section(COMPLEX, 3, what="HEADER"), section(COMPLEX, 3, what="TEXT")
    assert header == b"Subject: three\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
    assert header is not None
    assert text is not None
    assert header + text == inner
    deep = section(COMPLEX, 4, 2, what="HEADER")
    assert deep is not None
    assert deep.startswith(b"Subject: four two\r\n")


def test_mime_headers() -> None:
    assert section(COMPLEX, 4, 1, what="MIME") == b"Content-Type: image/gif\r\nContent-ID: <gif>\r\n\r\n"
    assert section(COMPLEX, 3, what="MIME") == b"Content-Type: message/rfc822\r\n\r\n"
    assert section(COMPLEX, 1, what="MIME") == b"\r\n"


@pytest.mark.parametrize(
    ("path", "what"),
    [
        ((0,), ""),
        ((5,), ""),
        ((-1,), ""),
        ((1, 1), ""),
        ((3, 3), ""),
        ((4, 2, 2, 3), ""),
        ((1,), "HEADER"),
        ((1,), "TEXT"),
        ((4,), "HEADER"),
        ((9,), "MIME"),
    ],
)
def test_what_is_not_there(path: tuple[int, ...], what: What) -> None:
    assert resolve(scan(COMPLEX), path, what) is None


def test_a_simple_message_is_its_own_part_one() -> None:
    data = b"Subject: x\r\n\r\nhello\r\n"
    assert section(data, 1) == section(data, what="TEXT") == b"hello\r\n"
    assert section(data, 1, what="MIME") == section(data, what="HEADER") == b"Subject: x\r\n\r\n"
    assert section(data, 1, what="HEADER") is None
    assert section(data, 1, 1) is None
    assert section(data, 2) is None


def test_a_message_that_is_another_message() -> None:
    data = b"Content-Type: message/rfc822\r\n\r\nSubject: inner\r\n\r\nhello"
    assert section(data, 1) == b"Subject: inner\r\n\r\nhello"
    assert section(data, 1, what="HEADER") == b"Subject: inner\r\n\r\n"
    assert section(data, 1, what="TEXT") == section(data, 1, 1) == b"hello"
    assert section(data, 1, 1, what="MIME") == b"Subject: inner\r\n\r\n"
    assert section(data, 1, 1, 1) is None


def test_header_and_text_are_the_whole_without_an_empty_line() -> None:
    for data in (b"", b"Subject: x", b"no header at all", b"\r\nbody"):
        header, text = section(data, what="HEADER"), section(data, what="TEXT")
        assert header is not None
        assert text is not None
        assert header + text == data


def test_the_packed_tree_resolves_alike() -> None:
    root = scan(COMPLEX)
    again = unpack(pack(root))
    assert again == root
    assert find_part(again, (4, 2)) == find_part(root, (4, 2))
    assert len(pack(root)) < 60 * 14  # octets of each part


@pytest.mark.parametrize("damage", [b"", b"\x00", b"\x01", b"\x01\xc0", b"\x01rubbish"])
def test_what_was_not_packed_is_refused(damage: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        unpack(damage)


def test_another_version_is_refused() -> None:
    packed = pack(scan(b""))
    with pytest.raises(ValueError, match="another version"):
        unpack(bytes((packed[0] + 1,)) + packed[1:])


TEXT = st.binary(max_size=12)
PARAMS = st.lists(st.tuples(st.text(max_size=5), TEXT), max_size=3).map(tuple)
NUMBER = st.integers(0, 2**40)
PART = st.recursive(
    st.builds(Part, NUMBER, NUMBER, NUMBER, NUMBER, st.text(max_size=8), st.text(max_size=8), PARAMS),
    lambda inner: st.builds(
        Part,
        NUMBER,
        NUMBER,
        NUMBER,
        NUMBER,
        st.sampled_from(["multipart", "message"]),
        st.text(max_size=8),
        PARAMS,
        st.text(max_size=8),
        TEXT,
        TEXT,
        TEXT,
        st.text(max_size=8),
        PARAMS,
        st.lists(TEXT, max_size=2).map(tuple),
        TEXT,
        st.lists(inner, max_size=3).map(tuple),
    ),
    max_leaves=5,
)


@settings(deadline=None, max_examples=60)
@given(PART)
def test_pack_round_trip(part: Part) -> None:
    assert unpack(pack(part)) == part


@settings(deadline=None, max_examples=100)
@given(PART, st.lists(st.integers(-1, 3), max_size=4), st.sampled_from(["", "HEADER", "TEXT", "MIME"]))
def test_any_path_gives_a_slice_or_nothing(part: Part, path: list[int], what: What) -> None:
    found = resolve(part, tuple(path), what)
    assert found is None or len(found) == 2
