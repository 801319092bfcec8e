"""HTTP on both sides: requests that strangers send to the server of policies and tests, and answers of other people's servers."""

from __future__ import annotations

from collections.abc import Iterator

from tests.fuzz.target import Target, alike

from correo.wire import NEED_DATA
from correo.wire.http import BadResponse, Endpoint, ResponseReader
from correo.wire.http_server import MAX_BODY, MAX_HEAD, BadRequest, Eof, Request, Server

LIMIT = 200  # octets of the body of an answer


def request(pieces: list[bytes]) -> object:
    core, heard = Server(), None
    for piece in [*pieces, b""]:
        core.receive(piece)
        event = core.next_event()
        if event is NEED_DATA:
            assert len(core._input) <= MAX_HEAD + MAX_BODY + len(piece)
            continue
        assert isinstance(event, Request | BadRequest | Eof)
        heard = event
        if isinstance(event, BadRequest):
            core.reply(event.status, "text/plain", event.reason.encode())
            assert core.take_output().startswith(b"HTTP/1.1 4")
        break
    assert heard is not None, "no answer, and no end"
    return heard


def response(pieces: list[bytes]) -> object:
    reader = ResponseReader(LIMIT)
    try:
        for piece in pieces:
            reader.receive(piece)
            if reader.response is not None:
                break
        reader.end()
    except BadResponse:
        return None  # which of two faults is found first depends on what has come
    assert reader.response is not None
    assert len(reader.response.body) <= LIMIT
    return reader.response


def run(octets: bytes) -> None:
    way, stream = octets[:1], octets[1:]
    if way == b"Q":
        alike(request, stream)
    elif way == b"A":
        alike(response, stream)
    else:
        try:
            endpoint = Endpoint.parse(stream.decode("utf-8", "replace"))
        except ValueError:
            return
        again = Endpoint.parse(
            f"{'https' if endpoint.secure else 'http'}://{endpoint.authority}{endpoint.target}"
        )
        assert again == endpoint, "another place when it is written again"
        assert endpoint.target.isprintable()
        assert " " not in endpoint.target


def seeds() -> Iterator[bytes]:
    yield b"QGET /.well-known/mta-sts.txt?a=b&c=%20 HTTP/1.1\r\nHost: x\r\nAccept:\r\n\r\n"
    yield b"QPOST /x HTTP/1.0\r\nContent-Length: 4\r\n\r\nbodyGET / HTTP/1.1\r\n\r\n"
    yield b"QPOST /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    yield b"AHTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello"
    yield b"AHTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n0\r\nTrailer: x\r\n\r\n"
    yield b"AHTTP/1.0 404 Not Found\r\n\r\nuntil the end"
    yield b"AHTTP/1.1 204 No Content\r\n\r\n"
    yield b"Uhttps://id.example.com:8443/introspect?x=y"
    yield b"Uhttp://[2001:db8::1]/"
    yield b"Uhttp://EXAMPLE.org"


TARGET = Target(
    "http", ("correo.wire.http", "correo.wire.http_server"), run, seeds,
    (b"Q", b"A", b"U", b"GET / HTTP/1.1\r\n", b"HTTP/1.1 200 OK\r\n", b"Content-Length: ", b"Transfer-Encoding: chunked\r\n", b"\r\n\r\n", b"0\r\n\r\n",
     b"ffffffff\r\n", b": ", b"https://", b"[::1]", b":0", b"@", b"#", b"?", b"%0d%0a", b"200", b"999999999999", b"201"), most=800,
)  # fmt: skip
