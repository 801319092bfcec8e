"""A message for readers who know no UTF-8 in headers (RFC 6856 §2.1, RFC 9755 §7), made in the plain way of RFC 6858.

Texts become encoded-words, parameters those of RFC 2231, addresses that cannot be written in ASCII one that leads nowhere; a field that
has no such form is left out. Bodies stay as they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import quote

from correo.mail.address import BadAddress, fold_domain
from correo.mail.message import charsets
from correo.mail.message.addresses import Mailbox, parse_addresses
from correo.mail.message.headers import Field, iterate_fields, unfold
from correo.mail.message.params import Parameters, content_type, disposition
from correo.mail.message.part import Part
from correo.mail.message.scan import scan
from correo.mail.message.words import decode_words, encode_words

NOWHERE = "invalid@internationalized-address.invalid"  # RFC 6858 §2.1; nobody can have it (RFC 6761 §6.4)

ADDRESSES = frozenset(
    (
        b"from sender reply-to to cc bcc resent-from resent-sender resent-to resent-cc resent-bcc "
        b"disposition-notification-to mail-followup-to delivered-to"
    ).split()
)
TEXTS = frozenset(b"subject comments keywords content-description thread-topic organization".split())
LONGEST_NAME = len("Disposition-Notification-To: ")  # columns that may be taken before the first encoded-word
_DOT_ATOM = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_NOT_IN_QUOTES = re.compile(r"[\x00-\x1f\x7f]+")
_PLAIN = "!#$&+.^_`{|}~-"  # what RFC 2231 §7 lets stand, besides letters and digits


def surrogate(raw: bytes) -> bytes:
    """`raw` with every header in it, also those of its parts and of messages inside, in ASCII; itself where they are."""
    if raw.isascii():
        return raw
    pieces: list[bytes] = []
    done = 0
    for part in _parts(scan(raw)):
        header = raw[part.start : part.body]
        inside = part.message is not None and part.subtype == "global"
        if inside or not header.isascii():
            pieces += raw[done : part.start], _header(header, inside)
            done = part.body
    return b"".join((*pieces, raw[done:])) if pieces else raw


def _parts(part: Part) -> Iterator[Part]:
    """In the order of the octets; a message inside begins where the body of its part does."""
    waiting = [part]
    while waiting:
        part = waiting.pop()
        yield part
        waiting += reversed(part.children)


def _header(header: bytes, has_message: bool) -> bytes:
    kept: list[bytes] = []
    done = 0
    for field in iterate_fields(header):
        between = header[done : field.start]  # lines that are no fields
        if between.isascii():
            kept.append(between)
        kept.append(_field(field, header, has_message))
        done = field.end
    rest = header[done:]
    kept.append(rest if rest.isascii() else b"\r\n")
    return b"".join(kept)


def _field(field: Field, header: bytes, has_message: bool) -> bytes:
    name = field.name.lower()
    as_it_was = header[field.start : field.end]
    if has_message and name == b"content-type":
        # What is inside is no longer what RFC 6532 §3.7 calls message/global.
        return b"Content-Type: message/rfc822\r\n"
    if as_it_was.isascii():
        return as_it_was
    value = _value(name, unfold(field.value), len(field.name) + 2)
    return b"%b: %b\r\n" % (field.name, value.encode("ascii")) if value else b""


def _value(name: bytes, value: bytes, used: int) -> str:
    """What is said instead, "" for nothing."""
    if name in ADDRESSES:
        return _addresses(parse_addresses(value))
    if name == b"content-type":
        found = content_type(value)
        return f"{found[0]}/{found[1]}{_parameters(found[2])}" if found else ""
    if name == b"content-disposition":
        kind, parameters = disposition(value)
        return f"{kind}{_parameters(parameters)}"
    if name in TEXTS or name.startswith(b"x-"):
        return encode_words(decode_words(value), used)
    return ""


def _addresses(found: list[Mailbox]) -> str:
    said = ""
    for mailbox in found:
        if mailbox.mailbox is None:
            said += ";"
            continue
        said += ",\r\n " if said and not said.endswith(":") else ""
        said += f"{_phrase(mailbox.mailbox)}:" if mailbox.host is None else _address(mailbox)
    return said


def _address(mailbox: Mailbox) -> str:
    local, host = (part.decode("utf-8", "replace") for part in (mailbox.mailbox or b"", mailbox.host or b""))
    if not host.isascii():
        try:
            host = fold_domain(host)
        except BadAddress:
            host = "\ufffd"
    if local.isascii() and host.isascii():
        address = f"{local if _DOT_ATOM.fullmatch(local) else _quoted(local)}@{host}"
        return f"{_phrase(mailbox.name)} <{address}>" if mailbox.name else address
    # Nobody can answer to it, but everybody can read it (RFC 6858 §2.1).
    written = (mailbox.mailbox or b"") + b"@" + (mailbox.host or b"")
    shown = decode_words(written)
    if mailbox.name:
        shown = f"{decode_words(mailbox.name)} <{shown}>"
    return f"{encode_words(shown, LONGEST_NAME)} <{NOWHERE}>"


def _phrase(name: bytes) -> str:
    if not name.isascii():
        return encode_words(decode_words(name), LONGEST_NAME)
    text = name.decode("ascii")
    return text if b"=?" in name else _quoted(text)


def _quoted(text: str) -> str:
    text = _NOT_IN_QUOTES.sub(" ", text)
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _parameters(parameters: Parameters) -> str:
    return "".join(f";\r\n {_parameter(name, value)}" for name, value in parameters if name.isascii())


def _parameter(name: str, value: bytes) -> str:
    if not value.isascii():
        return f"{name.removesuffix('*')}*=utf-8''{quote(charsets.guess(value), safe=_PLAIN)}"
    text = value.decode("ascii")
    return f"{name}={text}" if name.endswith("*") else f"{name}={_quoted(text)}"
