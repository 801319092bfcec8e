"""BODYSTRUCTURE and BODY (RFC 3501 §7.4.2, RFC 9051 §7.5.2) in wire form."""

from __future__ import annotations

from correo.mail.message.envelope import envelope
from correo.mail.message.headers import read_header
from correo.mail.message.params import Parameters
from correo.mail.message.part import Part
from correo.mail.message.quoting import string

MAX_EMBEDDED = (
    1_000_000  # octets of embedded messages' headers that are told; the envelopes beyond are all NIL
)


def bodystructure(data: bytes, root: Part) -> bytes:
    """With extension data. `data` is the message, of which the headers of embedded messages are read."""
    return _Writer(data, True).structure(root)


def body(data: bytes, root: Part) -> bytes:
    """Without extension data, as BODY has it."""
    return _Writer(data, False).structure(root)


class _Writer:
    __slots__ = ("data", "extended", "room")

    def __init__(self, data: bytes, extended: bool) -> None:
        self.data = data
        self.extended = extended
        self.room = MAX_EMBEDDED

    def structure(self, part: Part) -> bytes:
        if part.is_multipart:
            children = b"".join([self.structure(child) for child in part.children])
            tail = b" %b%b" % (_parameters(part.params), _extension(part)) if self.extended else b""
            return b'(%b "%b"%b)' % (children, part.subtype.encode(), tail)
        params, more = part.params, b""
        if part.type == "text":
            more = b" %d" % part.lines
            if not any(name in ("charset", "charset*") for name, _ in params):
                params = (*params, ("charset", b"us-ascii"))  # RFC 2045 §5.2
        elif (inner := part.message) is not None:
            more = b" %b %b %d" % (self.envelope(inner), self.structure(inner), part.lines)
        if self.extended:
            more += b" %b%b" % (string(part.md5) if part.md5 else b"NIL", _extension(part))
        return b'("%b" "%b" %b %b %b "%b" %d%b)' % (
            part.type.encode(),  # type, subtype and encoding are tokens, which need no care
            part.subtype.encode(),
            _parameters(params),
            string(part.id) if part.id else b"NIL",
            string(part.description) if part.description else b"NIL",
            part.encoding.encode(),
            part.size,
            more,
        )

    def envelope(self, message: Part) -> bytes:
        self.room -= message.body - message.start
        end = message.body if self.room >= 0 else message.start
        return envelope(read_header(self.data, message.start, end)[0])


def _extension(part: Part) -> bytes:
    """Disposition, language and location, each after a blank."""
    if not (part.disposition or part.language or part.location):
        return b" NIL NIL NIL"
    shown = b"NIL"
    if part.disposition:
        shown = b'("%b" %b)' % (part.disposition.encode(), _parameters(part.disposition_params))
    language = b"NIL"
    if part.language:
        language = b"(" + b" ".join(map(string, part.language)) + b")"
    return b" %b %b %b" % (shown, language, string(part.location) if part.location else b"NIL")


def _parameters(params: Parameters) -> bytes:
    if not params:
        return b"NIL"
    return (
        b"(" + b" ".join([b"%b %b" % (string(name.encode()), string(value)) for name, value in params]) + b")"
    )
