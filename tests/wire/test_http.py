"""HTTP/1.1 as a client of one question: what is sent, what is understood however it is cut, and what is refused."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from correo.wire.http import MAX_BODY, MAX_HEAD, BadResponse, Endpoint, Response, ResponseReader, get, post


def read(data: bytes, *, size: int = 0, ends: bool = True) -> Response | None:
    """The response in `data`, which comes in pieces of `size`."""
    reader = ResponseReader()
    for start in range(0, len(data), size or max(len(data), 1)):
        if reader.response is None:
            reader.receive(data[start : start + (size or len(data))])
    if ends:
        reader.end()
    return reader.response


@pytest.mark.parametrize(
    ("url", "endpoint", "authority"),
    [
        ("https://id.example.com", Endpoint(True, "id.example.com", 443, "/"), "id.example.com"),
        (
            "https://id.example.com/a/b?c=d",
            Endpoint(True, "id.example.com", 443, "/a/b?c=d"),
            "id.example.com",
        ),
        ("http://LOCALHOST:8080/x", Endpoint(False, "localhost", 8080, "/x"), "localhost:8080"),
        ("http://[::1]:81/", Endpoint(False, "::1", 81, "/"), "[::1]:81"),
        ("https://id.example:80/", Endpoint(True, "id.example", 80, "/"), "id.example:80"),
    ],
)
def test_endpoint(url: str, endpoint: Endpoint, authority: str) -> None:
    assert Endpoint.parse(url) == endpoint
    assert endpoint.authority == authority


@pytest.mark.parametrize(
    "url",
    [
        "",
        "id.example.com",
        "ftp://id.example.com/",
        "https:///path",
        "https://user:word@id.example.com/",
        "https://id.example.com/#part",
        "https://id.example.com/a b",
        "https://id.example.com/\r\nX: y",
        "https://id.example.com:port/",
        "https://id.example.com:99999/",
        "https://ïd.example.com/",
        "http://[::1/",
        "https://id..example.com/",
        "https://.example.com/",
        f"https://{'x' * 64}.example.com/",
    ],
)
def test_no_endpoint(url: str) -> None:
    with pytest.raises(ValueError):
        Endpoint.parse(url)


def test_request() -> None:
    endpoint = Endpoint.parse("https://id.example.com/introspect")
    assert post(endpoint, {"Accept": "application/json"}, b"token=abc") == (
        b"POST /introspect HTTP/1.1\r\nHost: id.example.com\r\nConnection: close\r\nAccept: application/json\r\n"
        b"Content-Length: 9\r\n\r\ntoken=abc"
    )


RESPONSES = [
    (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 200, b"hello"),
    (b"HTTP/1.0 200\r\n\r\nhello", 200, b"hello"),
    (b"HTTP/1.1 401 No\r\ncontent-length:0\r\n\r\n", 401, b""),
    (b"HTTP/1.1 204 Nothing\r\n\r\n", 204, b""),
    (
        b"HTTP/1.1 200 \r\nTransfer-Encoding: Chunked\r\n\r\n3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\n\r\n",
        200,
        b"hello",
    ),
    (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nA\r\n0123456789\r\n000\r\nX: y\r\n\r\n",
        200,
        b"0123456789",
    ),
    (
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n.",
        200,
        b".",
    ),
]


@pytest.mark.parametrize("size", [0, 1, 2, 7])
@pytest.mark.parametrize(("data", "status", "body"), RESPONSES)
def test_response(data: bytes, status: int, body: bytes, size: int) -> None:
    response = read(data, size=size)
    assert response
    assert (response.status, response.body) == (status, body)


def test_the_answer_is_there_before_the_end() -> None:
    for data, *_ in RESPONSES:
        if b"1.0" not in data:
            assert read(data, ends=False)


def test_fields() -> None:
    response = read(b"HTTP/1.1 200 OK\r\nA:  x \r\nb: y\r\na:z\r\nContent-Length: 0\r\n\r\n")
    assert response
    assert response.fields == {"a": "x, z", "b": "y", "content-length": "0"}


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\r\n\r\n",
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"HTTP/2 200\r\n\r\n",
        b"HTTP/1.1 999 x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nno field\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nA: b\r\n folded\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nA : b\r\n\r\n",
        b"HTTP/1.1 200 OK\nContent-Length: 0\n\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell",
        b"HTTP/1.1 101 Switching\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n" * 9,
    ],
)
def test_malformed(data: bytes) -> None:
    with pytest.raises(BadResponse):
        read(data)


@pytest.mark.parametrize(
    "data",
    [
        b"x" * MAX_HEAD,
        b"HTTP/1.1 200 OK\r\nA: " + b"x" * MAX_HEAD,
        f"HTTP/1.1 200 OK\r\nContent-Length: {MAX_BODY + 1}\r\n\r\n".encode(),
        b"HTTP/1.1 200 OK\r\nContent-Length: 999999999999999999999\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * (MAX_BODY + 1),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffff\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1" * 300,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        + (b"10000\r\n" + b"x" * 65536 + b"\r\n") * 5,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" + b"a: b\r\n" * MAX_HEAD,
    ],
    ids=lambda data: data[:60],
)
def test_too_long(data: bytes) -> None:
    with pytest.raises(BadResponse):
        read(data, ends=False)


_NEAR = [
    b"HTTP/1.1 200 OK\r\n",
    b"Content-Length: 3\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"\r\n",
    b"3\r\n",
    b"abc",
    b"0\r\n",
]


@given(pieces=st.lists(st.sampled_from(_NEAR) | st.binary(max_size=8), max_size=10))
@settings(deadline=None, max_examples=300)
def test_nothing_else_is_raised(pieces: list[bytes]) -> None:
    """And how it is cut makes no difference."""
    results = []
    for size in (0, 1):
        try:
            results.append(read(b"".join(pieces), size=size))
        except BadResponse:
            results.append(None)
    assert results[0] == results[1]


def test_a_question_without_a_body() -> None:
    lines = get(Endpoint.parse("https://id.example.com/a?b"), {"Accept": "text/plain"}).split(b"\r\n")
    assert lines == [
        b"GET /a?b HTTP/1.1",
        b"Host: id.example.com",
        b"Connection: close",
        b"Accept: text/plain",
        b"",
        b"",
    ]


@pytest.mark.parametrize("head", [b"Content-Length: 11\r\n", b"Transfer-Encoding: chunked\r\n", b""])
def test_a_body_longer_than_is_wanted(head: bytes) -> None:
    body = b"b\r\n" + b"x" * 11 + b"\r\n0\r\n\r\n" if b"chunked" in head else b"x" * 11
    answer = b"HTTP/1.1 200 Ok\r\n" + head + b"\r\n" + body
    for limit, fits in ((11, True), (10, False)):
        reader = ResponseReader(limit)
        try:
            reader.receive(answer)
            reader.end()
        except BadResponse:
            assert not fits
        else:
            assert fits
