"""Parameters of MIME fields, `; name=value`, with RFC 2231's continuations and charsets."""

from __future__ import annotations

import itertools
import re

from correo.mail.message import charsets
from correo.mail.message.comments import unescape, without_comments
from correo.mail.message.words import decode_words

MAX_PARAMETERS = 200  # of one field; a long file name in RFC 2231's pieces takes a dozen

Parameters = tuple[tuple[str, bytes], ...]

# The semicolon may be missing, and a value without quotes may hold blanks: both are common in the wild. A word before
# `=` is no part of a value but the name of the next parameter. A run of blanks and semicolons is entered at its beginning only,
# which keeps the search linear.
_PARAMETER = re.compile(
    rb"(?<![; \t\r\n])[; \t\r\n]++([^ \t\r\n=;\"]++)[ \t\r\n]*+="
    rb'(?:[ \t\r\n]*+(?:"((?:[^"\\]++|\\.)*)"?|([^; \t\r\n]++(?:[ \t\r\n]++[^; \t\r\n=]++(?![ \t\r\n]*+=))*)))?',
    re.DOTALL,
)
_TOKEN = re.compile(rb"[ \t\r\n]*([!#$%&'*+.0-9A-Z^_`a-z{|}~-]+)")  # RFC 2045 §5.1
_TYPE = re.compile(rb"%b[ \t]*/%b" % (_TOKEN.pattern, _TOKEN.pattern))
_PIECE = re.compile(r"([^*]+)\*(?:(\d{1,3})(\*)?)?")  # name*, name*0, name*0*
_PERCENT = re.compile(rb"%([0-9A-Fa-f]{2})")
_RESERVED = re.compile(rb"[^A-Za-z0-9!#$&+.^_`{|}~-]")


def content_type(value: bytes) -> tuple[str, str, Parameters] | None:
    """Type and subtype in lower case and the parameters; None where the value is no media type (RFC 2045 §5.1)."""
    value = without_comments(value)
    match = _TYPE.match(value)
    if match is None:
        return None
    return match[1].decode().lower(), match[2].decode().lower(), parameters(value, match.end())


def disposition(value: bytes) -> tuple[str, Parameters]:
    """A disposition in lower case and its parameters (RFC 2183 §2); one without a name is an attachment (§2.8)."""
    value = without_comments(value)
    match = _TOKEN.match(value)
    if match is None:
        return "attachment", parameters(value, 0)
    return match[1].decode().lower(), parameters(value, match.end())


def token(value: bytes) -> str:
    """The first token of the value in lower case, "" without one."""
    match = _TOKEN.match(without_comments(value))
    return match[1].decode().lower() if match else ""


def parameters(value: bytes, start: int) -> Parameters:
    """The parameters in `value` from `start` on, without quotes, names in lower case.

    RFC 2231's pieces are joined: into `name` where they are plain, into `name*` with the value `charset'language'%xx..`
    where any of them is encoded. That is what BODYSTRUCTURE tells; `decoded` makes text of it.
    """
    found: list[tuple[str, bytes]] = []
    split = False
    for match in itertools.islice(_PARAMETER.finditer(value, start), MAX_PARAMETERS):
        name, quoted, plain = match.groups()
        split = split or b"*" in name
        text = unescape(quoted) if quoted is not None else plain or b""
        found.append((name.decode("ascii", "replace").lower(), text))
    return _join(found) if split else tuple(found)


def _join(found: list[tuple[str, bytes]]) -> Parameters:
    pieces: dict[str, dict[int, tuple[bytes, bool]]] = {}
    order: list[tuple[str, bytes | None]] = []
    for name, value in found:
        match = _PIECE.fullmatch(name)
        if match is None:
            order.append((name, value))
            continue
        if match[1] not in pieces:
            order.append((match[1], None))
        index, encoded = int(match[2] or 0), match[2] is None or match[3] is not None
        pieces.setdefault(match[1], {}).setdefault(index, (value, encoded))
    return tuple((name, value) if value is not None else _joined(name, pieces[name]) for name, value in order)


def _joined(name: str, pieces: dict[int, tuple[bytes, bool]]) -> tuple[str, bytes]:
    run = [pieces[index] for index in itertools.takewhile(pieces.__contains__, range(MAX_PARAMETERS))]
    if not any(encoded for _, encoded in run):
        return name, b"".join(value for value, _ in run)
    first = b"" if run[0][1] else b"''"  # the charset is named in piece 0 or nowhere
    return name + "*", first + b"".join(value if encoded else _percent(value) for value, encoded in run)


def _percent(value: bytes) -> bytes:
    return _RESERVED.sub(lambda match: b"%%%02X" % ord(match[0]), value)


def decoded(found: Parameters, name: str) -> str | None:
    """The text of parameter `name`; RFC 2231's form goes before the plain one, which may hold encoded-words."""
    values = dict(reversed(found))
    if (extended := values.get(name + "*")) is not None:
        charset, quote, rest = extended.partition(b"'")
        _, second, text = rest.partition(b"'")
        if not (quote and second):
            charset, text = b"us-ascii", extended
        octets = _PERCENT.sub(lambda match: bytes((int(match[1], 16),)), text)
        return charsets.decode(octets, charset.decode("ascii", "replace") or "us-ascii")
    plain = values.get(name)
    return None if plain is None else decode_words(plain)
