"""The client's side of HTTP/1.1 (RFC 9112), as far as putting one question to a service needs it.

In: an address, and the octets of one answer as they come. Out: the octets of a request, and one `Response`. What is not as the
RFC says raises `BadResponse`; so does what is longer than any answer should be. Nothing is followed, nothing is kept open.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

MAX_HEAD = 16 * 1024  # octets of status line and fields, and of trailer fields; servers themselves take 8 KB
MAX_BODY = 256 * 1024  # octets; the facts about a token have some hundreds
MAX_SIZE_LINE = 256  # octets of the line before a chunk, with extensions that nobody uses
MAX_INTERIM = 5  # answers with 1xx before the one that counts

_STATUS = re.compile(rb"HTTP/1\.[01] ([1-5]\d\d)(?: [\t -~\x80-\xff]*)?")
_FIELD = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*([\t -~\x80-\xff]*)")
_SIZE = re.compile(rb"([0-9A-Fa-f]{1,8})[ \t]*(?:;.*)?")
_LENGTH = re.compile(rb"\d{1,12}")
_UNSAFE = re.compile(r"[\x00-\x20\x7f-\U0010ffff]")
_WITHOUT_BODY = (204, 304)


class BadResponse(Exception):
    """What came is not an answer that can be read; the text says why, for the log."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where to ask."""

    secure: bool
    host: str  # as it is dialled; an IPv6 address has no brackets
    port: int
    target: str  # path and query

    @classmethod
    def parse(cls, url: str) -> Endpoint:
        """An `http://` or `https://` URL without user and fragment. Raises ValueError that says what would be right."""
        if _UNSAFE.search(url):
            raise ValueError("must be a URL in ASCII without blanks")
        parts = urlsplit(url)
        if (
            parts.scheme not in ("http", "https")
            or not parts.hostname
            or "@" in parts.netloc
            or parts.fragment
        ):
            raise ValueError('must be a URL as in "https://id.example.com/introspect"')
        parts.hostname.encode("idna")  # as it is looked up; UnicodeError is a ValueError
        secure = parts.scheme == "https"
        port = parts.port if parts.port is not None else 443 if secure else 80
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        return cls(secure, parts.hostname, port, target)

    @property
    def authority(self) -> str:
        """What the field Host says (RFC 9110 §7.2)."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.secure else 80) else f"{host}:{self.port}"


def post(endpoint: Endpoint, fields: Mapping[str, str], body: bytes) -> bytes:
    """The octets of a POST, after whose answer the connection ends. `fields` must be free of control characters."""
    lines = [f"POST {endpoint.target} HTTP/1.1", f"Host: {endpoint.authority}", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in fields.items()]
    lines += [f"Content-Length: {len(body)}", "", ""]
    return "\r\n".join(lines).encode("ascii") + body


def get(endpoint: Endpoint, fields: Mapping[str, str]) -> bytes:
    """The octets of a GET, after whose answer the connection ends. `fields` must be free of control characters."""
    lines = [f"GET {endpoint.target} HTTP/1.1", f"Host: {endpoint.authority}", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in fields.items()]
    return "\r\n".join([*lines, "", ""]).encode("ascii")


@dataclass(frozen=True, slots=True)
class Response:
    status: int
    fields: Mapping[str, str]  # names in lower case; fields of one name joined by ", "
    body: bytes = field(repr=False)


class ResponseReader:
    """Give it what comes by `receive`, and the end of the stream by `end`, until there is a `response`."""

    def __init__(self, limit: int = MAX_BODY) -> None:
        """`limit`: octets of the longest body that is taken."""
        self.response: Response | None = None
        self._limit = limit
        self._input = bytearray()
        self._body = bytearray()
        self._head: tuple[int, dict[str, str]] | None = None
        self._left = 0  # octets still to come, of the body or of the chunk
        self._chunked = self._until_end = self._trailers = False
        self._chunk_ends = False  # the line end after a chunk is next
        self._trailer_size = 0
        self._interim = 0

    def receive(self, data: bytes) -> None:
        """Raises BadResponse."""
        self._input += data
        while self.response is None and (self._read_head() if self._head is None else self._read_body()):
            pass

    def end(self) -> None:
        """The other side closed. Raises BadResponse where that is no end of an answer (RFC 9112 §8)."""
        if self.response is None:
            if not self._until_end or self._head is None:
                raise BadResponse("the answer breaks off")
            self._complete()

    def _complete(self) -> None:
        assert self._head is not None
        self.response = Response(*self._head, bytes(self._body))

    def _read_head(self) -> bool:
        end = self._input.find(b"\r\n\r\n", 0, MAX_HEAD)
        if end < 0:
            if len(self._input) >= MAX_HEAD:
                raise BadResponse("the head of the answer is too long or has no end")
            return False
        first, *lines = bytes(self._input[:end]).split(b"\r\n")
        del self._input[: end + 4]
        match = _STATUS.fullmatch(first)
        if match is None:
            raise BadResponse("that is not HTTP/1.1")
        status, fields = int(match[1]), _fields(lines)
        if 100 <= status < 200:
            self._interim += 1
            if self._interim > MAX_INTERIM or status == 101:
                raise BadResponse("interim answers, and no other")
            return True
        self._head = status, fields
        self._frame(status, fields)
        return True

    def _frame(self, status: int, fields: dict[str, str]) -> None:
        """How long the body is (RFC 9112 §6.3)."""
        coding, length = fields.get("transfer-encoding"), fields.get("content-length")
        if status in _WITHOUT_BODY:
            self._complete()
        elif coding is not None:
            if coding.lower() != "chunked" or length is not None:
                raise BadResponse("the answer is framed in a way that is not understood")
            self._chunked = True
        elif length is not None:
            if not _LENGTH.fullmatch(length.encode("latin-1")):
                raise BadResponse("the length of the answer is no number")
            self._left = int(length)
            self._bound(self._left)
            if not self._left:
                self._complete()
        else:
            self._until_end = True

    def _bound(self, more: int) -> None:
        if len(self._body) + more > self._limit:
            raise BadResponse(f"the answer is longer than {self._limit} octets")

    def _read_body(self) -> bool:
        if self._chunked:
            return self._read_chunked()
        taken = bytes(self._input) if self._until_end else bytes(self._input[: self._left])
        self._bound(len(taken))
        self._body += taken
        del self._input[: len(taken)]
        self._left -= len(taken)
        if not self._until_end and not self._left:
            self._complete()
        return False

    def _read_chunked(self) -> bool:
        """RFC 9112 §7.1: one step; False where more octets are needed."""
        if self._left:
            taken = bytes(self._input[: self._left])
            self._body += taken
            del self._input[: len(taken)]
            self._left -= len(taken)
            self._chunk_ends = not self._left
            return bool(taken)
        line = self._line()
        if line is None:
            return False
        if self._chunk_ends:
            if line:
                raise BadResponse("a chunk is longer than it says")
            self._chunk_ends = False
        elif self._trailers:
            self._trailer_size += len(line)
            if self._trailer_size > MAX_HEAD:
                raise BadResponse("the trailer of the answer is too long")
            if not line:
                self._complete()
        else:
            match = _SIZE.fullmatch(line)
            if match is None:
                raise BadResponse("the size of a chunk is no number")
            self._left = int(match[1], 16)
            self._bound(self._left)
            self._trailers = not self._left
        return True

    def _line(self) -> bytes | None:
        most = MAX_HEAD if self._trailers else MAX_SIZE_LINE
        end = self._input.find(b"\r\n", 0, most)
        if end < 0:
            if len(self._input) >= most:
                raise BadResponse("a line of the answer has no end")
            return None
        line = bytes(self._input[:end])
        del self._input[: end + 2]
        return line


def _fields(lines: list[bytes]) -> dict[str, str]:
    fields: dict[str, str] = {}
    for line in lines:
        match = _FIELD.fullmatch(line)
        if match is None:
            raise BadResponse("a field of the answer is malformed")
        name, value = match[1].decode("ascii").lower(), match[2].decode("latin-1").rstrip(" \t")
        fields[name] = f"{fields[name]}, {value}" if name in fields else value
    return fields
