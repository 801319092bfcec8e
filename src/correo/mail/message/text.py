"""What the parts say, decoded: for SEARCH, previews, and whoever reads a body."""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator

from correo.mail.message import charsets
from correo.mail.message.headers import read_header
from correo.mail.message.part import Part
from correo.mail.message.words import decode_words

MAX_RUNS = 1_000  # of base64 one after the other in one part, each with its own padding; the rest is left out

_NOT_BASE64 = bytes(
    set(range(256)) - set(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=")
)
_PADDING = re.compile(rb"=+")
_BLANKS_AT_END = re.compile(
    rb"(?<![ \t])[ \t]++(?=\r?\n|\Z)"
)  # RFC 2045 §6.7 (3): added on the way, to be deleted
ENCODINGS = frozenset(
    {"7bit", "8bit", "binary", "base64", "quoted-printable", "x-uuencode", "x-uue", "uuencode", "uue"}
)
_UUENCODE = ("x-uuencode", "x-uue", "uuencode", "uue")


def decode_body(data: bytes, part: Part) -> bytes:
    """The body without its transfer encoding; what is damaged is left out (base64) or left as it is (the others)."""
    octets = data[part.body : part.end]
    if part.is_multipart or part.message is not None:
        return octets
    if part.encoding == "base64":
        return decode_base64(octets)
    if part.encoding == "quoted-printable":
        return binascii.a2b_qp(_without_blanks_at_end(octets))
    if part.encoding in _UUENCODE:
        return _decode_uu(octets)
    return octets


def _without_blanks_at_end(octets: bytes) -> bytes:
    """Few lines have any, and to look for them everywhere costs fifty times as much as to decode."""
    if octets.endswith((b" ", b"\t")) or any(end in octets for end in (b" \r", b" \n", b"\t\r", b"\t\n")):
        return _BLANKS_AT_END.sub(b"", octets)
    return octets


def decode_base64(octets: bytes) -> bytes:
    """Everything outside the alphabet is passed over (RFC 2045 §6.8); padding in the middle begins a new run."""
    octets = octets.translate(None, _NOT_BASE64).rstrip(b"=")
    runs = _PADDING.split(octets, MAX_RUNS)[:MAX_RUNS] if b"=" in octets else [octets]
    return b"".join([_run(run) for run in runs])


def _run(run: bytes) -> bytes:
    if len(run) % 4 == 1:
        run = run[:-1]  # six bits make no octet
    return binascii.a2b_base64(run + b"=" * (-len(run) % 4))


def _decode_uu(octets: bytes) -> bytes:
    decoded: list[bytes] = []
    _, begin, rest = octets.partition(b"begin ")
    for line in rest.splitlines()[1:] if begin else ():
        if line.strip() == b"end":
            break
        try:
            decoded.append(binascii.a2b_uu(line))
        except binascii.Error:
            continue
    return b"".join(decoded)


def body_text(data: bytes, part: Part) -> str:
    """The body of a text part as text."""
    return charsets.decode(decode_body(data, part), part.charset)


def searchable(data: bytes, root: Part, headers: bool = True) -> Iterator[str]:
    """What SEARCH looks through: for TEXT header fields and bodies, without `headers` bodies only (RFC 3501 §6.4.4).

    Bodies are those of all text parts and reports, with the headers of the messages embedded and the names of attached
    files. Fields come one by one as `Name: value`, decoded.
    """
    if headers:
        yield from _header_text(data, root)
    yield from _part_text(data, root)


def _header_text(data: bytes, part: Part) -> Iterator[str]:
    header, _ = read_header(data, part.start, part.body)
    for name, value in header.items():
        yield f"{name.decode()}: {decode_words(value)}"


def _part_text(data: bytes, part: Part) -> Iterator[str]:
    # Reports of delivery and of reading are text as well (RFC 3464, RFC 8098).
    if part.type == "text" or (part.type == "message" and part.message is None):
        yield body_text(data, part)
    if part.filename:
        yield part.filename
    if part.description:
        yield decode_words(part.description)
    for child in part.children:
        if part.message is not None:
            yield from _header_text(data, child)
        yield from _part_text(data, child)
