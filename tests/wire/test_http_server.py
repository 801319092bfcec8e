"""HTTP/1.1 as a server of one request: what is understood however it is cut, what is refused, and that nothing hostile breaks it."""

from __future__ import annotations

from http import HTTPStatus
from time import process_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from correo.wire import NEED_DATA
from correo.wire.http_server import MAX_BODY, MAX_HEAD, BadRequest, Eof, Event, Request, Server


def read(data: bytes, *, size: int = 0) -> Event | None:
    """The event in `data`, which comes in pieces of `size`; None while there is none."""
    server = Server()
    event: object = NEED_DATA
    for start in range(0, len(data), size or max(len(data), 1)):
        server.receive(data[start : start + (size or len(data))])
        event = server.next_event()
        if isinstance(event, Request | BadRequest | Eof):
            return event
    return None


@pytest.mark.parametrize("size", [0, 1, 7])
def test_a_request_however_it_is_cut(size: int) -> None:
    data = (
        b"POST /faults/1%20a?to=b%40c&x=&to=d HTTP/1.1\r\nHost: localhost:1\r\nContent-Length: 4\r\n\r\n{} \n"
    )
    assert read(data, size=size) == Request(
        "POST", "/faults/1 a", {"to": "d", "x": ""}, {"host": "localhost:1", "content-length": "4"}, b"{} \n"
    )


def test_a_field_of_nothing_but_space_costs_no_time() -> None:
    spaces = b" " * (MAX_HEAD - 100)
    assert isinstance(read(b"GET / HTTP/1.1\r\nHost:" + spaces + b"a \t\r\nB:\r\n\r\n"), Request)
    began = process_time()
    for _ in range(10):
        assert isinstance(read(b"GET / HTTP/1.1\r\nHost:" + spaces + b"\x01\r\n\r\n"), BadRequest)
    assert process_time() - began < 1.0


def test_a_body_is_waited_for() -> None:
    assert read(b"POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\n1234") is None
    assert isinstance(read(b"GET / HTTP/1.0\r\n\r\n"), Request)


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"EHLO client.example\r\n\r\n", 400),
        (b"GET http://elsewhere.example/ HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/2.0\r\n\r\n", 400),
        (b"GET /\x00 HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost : x\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n folded: x\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: 1\r\ncontent-length: 1\r\n\r\nx", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: 1, 1\r\n\r\nx", 400),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 411),
        (b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % (MAX_BODY + 1), 413),
        (b"GET / HTTP/1.1\r\nX: " + b"x" * MAX_HEAD, 431),
    ],
)
def test_what_is_refused(data: bytes, status: int) -> None:
    for size in (0, 1000):
        event = read(data, size=size)
        assert isinstance(event, BadRequest)
        assert event.status == status


def test_one_request_one_answer_and_the_end() -> None:
    server = Server()
    server.receive(b"GET /a HTTP/1.1\r\n\r\nGET /b HTTP/1.1\r\n\r\n")
    assert isinstance(server.next_event(), Request)
    server.receive(b"GET /c HTTP/1.1\r\n\r\n")
    assert server.next_event() is NEED_DATA
    server.reply(HTTPStatus.NOT_FOUND, "text/plain", b"no\n")
    assert server.closed
    assert server.take_output() == (
        b"HTTP/1.1 404 Not Found\r\nContent-Type: text/plain\r\nContent-Length: 3\r\nConnection: close\r\n"
        b"Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n\r\nno\n"
    )
    assert server.take_output() == b""
    assert server.next_event() is NEED_DATA


def test_who_leaves_in_between() -> None:
    server = Server()
    server.receive(b"GET / HT")
    server.receive(b"")
    assert server.next_event() == Eof()
    assert server.closed


def test_too_many_fields_in_a_query_are_none() -> None:
    event = read(b"GET /?" + b"a=1&" * 200 + b" HTTP/1.1\r\n\r\n")
    assert isinstance(event, Request)
    assert event.query == {}


@given(st.binary(max_size=300), st.integers(1, 50))
@settings(max_examples=200)
def test_nothing_hostile_raises(data: bytes, size: int) -> None:
    for start in (b"", b"POST / HTTP/1.1\r\n"):
        read(start + data, size=size)
