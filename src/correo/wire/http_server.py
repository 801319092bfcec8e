"""The server's side of HTTP/1.1 (RFC 9112), as far as a small interface for programs needs it: one request, one answer, and the end.

In: the octets of one connection. Out: one `Request`, or a `BadRequest` that says what to answer. Bodies come with a Content-Length;
anything that two readers could read in two ways is refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from urllib.parse import parse_qsl, unquote

from correo.wire import NEED_DATA, Need

MAX_HEAD = 16 * 1024  # octets of request line and fields; programs send some hundreds
MAX_BODY = 1024 * 1024  # octets; what an interface takes has some hundreds
MAX_QUERY = 100  # fields behind the question mark

_REQUEST = re.compile(rb"([A-Z]{1,16}) (/[!-~]*) HTTP/1\.[01]")
_FIELD = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):([\t -~\x80-\xff]*)")
_LENGTH = re.compile(r"\d{1,12}")


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    path: str  # decoded
    query: Mapping[str, str]  # of several of one name the last
    fields: Mapping[str, str]  # names in lower case
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class BadRequest:
    """What came is no request that is taken; `status` is what to answer."""

    status: HTTPStatus
    reason: str


@dataclass(frozen=True, slots=True)
class Eof:
    """The client left without a request."""


Event = Request | BadRequest | Eof


class Server:
    """One connection. Stands still after its one event until `reply`, and is closed then."""

    def __init__(self) -> None:
        self.closed = False
        self.tls_wanted = False
        self._input = bytearray()
        self._output = b""
        self._eof = False
        self._paused = False
        self._head: tuple[str, str, dict[str, str], int] | None = (
            None  # method, target, fields, octets of the body
        )

    def receive(self, data: bytes) -> None:
        """b"" is the end of the stream."""
        if not data:
            self._eof = True
        elif not self._paused and not self.closed:  # what comes behind the request is nobody's
            self._input += data

    def next_event(self) -> Event | Need:
        if self._paused or self.closed:
            return NEED_DATA
        event = self._next()
        if event is None:
            if not self._eof:
                return NEED_DATA
            self.closed = True
            return Eof()
        self._paused = True
        self._input.clear()
        return event

    def reply(self, status: HTTPStatus, content_type: str, body: bytes) -> None:
        lines = [
            f"HTTP/1.1 {status.value} {status.phrase}",
            f"Content-Type: {content_type}",
            f"Content-Length: {len(body)}",
            "Connection: close",
            "Cache-Control: no-store",
            "X-Content-Type-Options: nosniff",
        ]
        self._output = "\r\n".join([*lines, "", ""]).encode("ascii") + body
        self.closed = True

    def take_output(self) -> bytes:
        output, self._output = self._output, b""
        return output

    def tls_started(self) -> None:
        """Never: there is no STARTTLS in HTTP."""

    def _next(self) -> Request | BadRequest | None:
        if self._head is None:
            end = self._input.find(b"\r\n\r\n", 0, MAX_HEAD)
            if end < 0:
                if len(self._input) >= MAX_HEAD:
                    return BadRequest(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "the head is too long")
                return None
            head = _read_head(bytes(self._input[:end]))
            del self._input[: end + 4]
            if isinstance(head, BadRequest):
                return head
            self._head = head
        method, target, fields, size = self._head
        if len(self._input) < size:
            return None
        path, _, query = target.partition("?")
        return Request(method, unquote(path), _query(query), fields, bytes(self._input[:size]))


def _read_head(head: bytes) -> tuple[str, str, dict[str, str], int] | BadRequest:
    first, *lines = head.split(b"\r\n")
    request = _REQUEST.fullmatch(first)
    if request is None:
        return BadRequest(HTTPStatus.BAD_REQUEST, "that is no request of HTTP/1.1")
    fields: dict[str, str] = {}
    for line in lines:
        match = _FIELD.fullmatch(line)
        name = match[1].decode("ascii").lower() if match else ""
        # RFC 9112 §3.2, §6.3: two of these are what requests are smuggled with.
        if match is None or (name in fields and name in ("host", "content-length", "transfer-encoding")):
            return BadRequest(HTTPStatus.BAD_REQUEST, "a field is malformed or given twice")
        fields[name] = match[2].decode("latin-1").strip(" \t")
    if "transfer-encoding" in fields:
        return BadRequest(HTTPStatus.LENGTH_REQUIRED, "give the body a Content-Length")
    length = fields.get("content-length", "0")
    if not _LENGTH.fullmatch(length):
        return BadRequest(HTTPStatus.BAD_REQUEST, "Content-Length is no number")
    if int(length) > MAX_BODY:
        return BadRequest(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"a body has at most {MAX_BODY} octets")
    return request[1].decode("ascii"), request[2].decode("ascii"), fields, int(length)


def _query(text: str) -> dict[str, str]:
    try:
        return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=MAX_QUERY))
    except ValueError:
        return {}  # so many are no question of anybody's
