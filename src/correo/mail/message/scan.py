"""The MIME tree of a message (RFC 2045, RFC 2046), found from the outside in.

A multipart looks for its own boundary in its own stretch of the message only, so an outer boundary always ends what is
inside, and each octet is searched at most once per level.
"""

from __future__ import annotations

import re

from correo.mail.message.comments import without_comments
from correo.mail.message.headers import Header, read_header
from correo.mail.message.params import Parameters, content_type, decoded, disposition, token
from correo.mail.message.part import Part

MAX_DEPTH = 32  # of parts within parts; mail that was forwarded a dozen times reaches twenty
MAX_PARTS = 1_000  # in one message; digests and photo albums stay below
MAX_MISSES = 10_000  # lines in one message that begin with a boundary in force but are not it
MAX_BOUNDARY = 998  # octets; RFC 2046 §5.1.1 says 70, but a longer one that fits a line harms nobody
MAX_LANGUAGES = 50  # in Content-Language

_NEWLINE = 10
# What may follow the boundary on its line. The RFC lets a prefix do; the whole line must match here, so that `--a`
# cannot be mistaken for the beginning of `--ab`.
_REST = re.compile(rb"(--)?[ \t]*+(?:\r?\n|\Z)")
_IDENTITY = ("7bit", "8bit", "binary", "")
_EMBEDDED = ("rfc822", "global")  # RFC 2046 §5.2.1, RFC 6532 §3.7
_OPAQUE = ("application", "octet-stream")


def scan(data: bytes) -> Part:
    """The tree of the message `data`."""
    return scan_with_header(data)[0]


def scan_with_header(data: bytes) -> tuple[Part, Header]:
    """The tree and the header of its root, which has been read on the way."""
    header, body = read_header(data)
    return _Scanner(data).entity(header, 0, body, len(data), 0), header


class _Scanner:
    __slots__ = ("data", "misses", "parts")

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.parts = MAX_PARTS - 1  # the root is one
        self.misses = MAX_MISSES

    def entity(
        self, header: Header, start: int, body: int, end: int, depth: int, in_digest: bool = False
    ) -> Part:
        first = header.first
        default = ("message", "rfc822", ()) if in_digest else ("text", "plain", ())  # RFC 2046 §5.1.5
        value = first(b"content-type")
        kind = default if value is None else content_type(value) or ("text", "plain", ())  # RFC 2045 §5.2
        encoding = token(first(b"content-transfer-encoding") or b"") or "7bit"
        type, subtype, params, children = self.inside(kind, encoding, body, end, depth)
        value = first(b"content-disposition")
        shown, shown_params = disposition(value) if value else ("", ())
        value = first(b"content-language")
        return Part(
            start,
            body,
            end,
            self.data.count(b"\n", body, end) if type in ("text", "message") else 0,
            type,
            subtype,
            params,
            encoding,
            first(b"content-id") or b"",
            first(b"content-description") or b"",
            first(b"content-md5") or b"",
            shown,
            shown_params,
            _languages(value) if value else (),
            first(b"content-location") or b"",
            children,
        )

    def inside(
        self, kind: tuple[str, str, Parameters], encoding: str, body: int, end: int, depth: int
    ) -> tuple[str, str, Parameters, tuple[Part, ...]]:
        """The kind of an entity, or the one it must pass for, and its children."""
        type, subtype, params = kind
        if type == "multipart":
            boundary = _boundary(params)
            if not boundary:
                return "text", "plain", (), ()
            if depth >= MAX_DEPTH:
                return *_OPAQUE, params, ()
            # An encoding is not allowed here (RFC 2045 §6.4), and where one is named it is not applied either.
            children = self.multipart(boundary, body, end, depth + 1, subtype == "digest")
            return (*kind, children) if children else ("text", "plain", (), ())
        if type == "message" and subtype in _EMBEDDED:
            if encoding not in _IDENTITY or depth >= MAX_DEPTH or self.parts <= 0:
                return *_OPAQUE, params, ()
            self.parts -= 1
            header, inner = read_header(self.data, body, end)
            return *kind, (self.entity(header, body, inner, end, depth + 1),)
        return *kind, ()

    def multipart(
        self, boundary: bytes, body: int, end: int, depth: int, in_digest: bool
    ) -> tuple[Part, ...]:
        """The parts between the delimiters in `body..end` (RFC 2046 §5.1.1); the last one need not be closed."""
        data = self.data
        needle = b"--" + boundary
        children: list[Part] = []
        opened = -1  # where the part being read begins
        position = body
        while (at := data.find(needle, position, end)) >= 0 and self.misses > 0:
            position = at + len(needle)
            rest = _REST.match(data, position, end) if at == body or data[at - 1] == _NEWLINE else None
            if rest is None:
                self.misses -= 1
                continue
            if opened >= 0:
                children.append(self.child(opened, _before_line_end(data, opened, at), depth, in_digest))
            if rest[1]:
                return tuple(children) or (self.child(at, at, depth, in_digest),)
            opened = position = rest.end()
            if self.parts <= 0:
                break
        # A delimiter with nothing at all behind it was meant to be the last and lacks its two hyphens.
        if opened >= 0 and (opened < end or not children):
            children.append(self.child(opened, end, depth, in_digest))
        return tuple(children)

    def child(self, start: int, end: int, depth: int, in_digest: bool) -> Part:
        if self.parts <= 0:
            return Part(start, start, end, 0, *_OPAQUE)
        self.parts -= 1
        header, body = read_header(self.data, start, end, in_multipart=True)
        return self.entity(header, start, body, end, depth, in_digest)


def _boundary(params: Parameters) -> bytes:
    """The boundary as octets, b"" for none."""
    plain = dict(reversed(params)).get("boundary")
    if plain is None:
        plain = (decoded(params, "boundary") or "").encode("latin-1", "replace")
    plain = plain.rstrip(b" \t\r\n")
    return plain if len(plain) <= MAX_BOUNDARY else b""


def _before_line_end(data: bytes, start: int, at: int) -> int:
    """Where a part ends whose delimiter stands at `at`: before the line end, which may be that of the line before."""
    if at > start and data[at - 1] == _NEWLINE:
        at -= 1
        if at > start and data[at - 1] == 13:
            at -= 1
    return at


def _languages(value: bytes) -> tuple[bytes, ...]:
    """The tags of Content-Language (RFC 3282 §2)."""
    tags = (tag.strip() for tag in without_comments(value).split(b",", MAX_LANGUAGES)[:MAX_LANGUAGES])
    return tuple(tag for tag in tags if tag)
