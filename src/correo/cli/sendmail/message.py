"""What a program writes to sendmail's standard input, made into a message that others can read."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import BinaryIO

from correo.mail.instant import rfc5322_date
from correo.mail.message import (
    Mailbox,
    encode_words,
    field_values,
    iterate_fields,
    parse_addresses,
    read_header,
    unfold,
)
from correo.mail.message.addresses import MAX_ADDRESSES

PIECE = 1024 * 1024
# Fields in which a name without a domain is one of this machine's. Resent-* as well: the newest block says to whom (RFC 5322 §3.6.6).
_ADDRESSES = frozenset({b"from", b"sender", b"reply-to", b"to", b"cc", b"bcc"})
_DESTINATIONS = (b"to", b"cc", b"bcc")
_RESENT = b"resent-"
_ATOMS = re.compile(rb"[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~ ]+")
_DOT_ATOM = re.compile(rb"[^\x00- ()<>@,;:\"\\\[\]\x7f]+")
_FIRST_FIELD = re.compile(rb"[!-9;-~]+[ \t]*:")


class TooBig(Exception):
    """The message is longer than the server takes."""


class TooMany(Exception):
    """One list has more addresses than are read of any, and those behind would get nothing."""


def read(stream: BinaryIO, *, dots: bool, most: int) -> bytes:
    """Up to the end, or with `dots` to a dot alone on a line; lines end in CR LF then. Raises TooBig.

    What programs print for terminals has NUL, which no message may have (RFC 5322 §4), and CR alone, which is the end of a line.
    """
    pieces: list[bytes] = []
    size = 0
    while piece := stream.read(PIECE):
        pieces.append(piece)
        size += len(piece)
        if size > most:
            raise TooBig
    raw = b"".join(pieces).replace(b"\r\n", b"\n")
    if dots:
        if raw.startswith(b".\n") or raw == b".":
            raw = b""
        end = raw.find(b"\n.\n")
        if end < 0 and raw.endswith(b"\n."):
            end = len(raw) - 2
        raw = raw[: end + 1] if end >= 0 else raw
    raw = raw.replace(b"\0", b"").replace(b"\r", b"\n")  # now that neither can make an end of it
    if raw and not raw.endswith(b"\n"):
        raw += b"\n"
    return raw.replace(b"\n", b"\r\n")


def completed(text: bytes, author: bytes, origin: str) -> bytes:
    """Without the line that mbox files put in front, with a From (`author`, as in a field), and no name without a domain.

    The server adds Date and Message-ID, and takes Bcc away, as it does for mail programs.
    """
    if text.startswith((b"From ", b">From ")):
        text = text.partition(b"\n")[2]
    if not _FIRST_FIELD.match(text):
        separator = b"" if text.startswith(b"\r\n") else b"\r\n"
        return b"From: " + author + b"\r\n" + separator + text
    _, end = read_header(text)
    header = _qualified(text[:end], origin.encode())
    if not field_values(header, header.lower(), b"from"):
        header = b"From: " + author + b"\r\n" + header
    return header + text[end:]


def with_date(text: bytes, now: int) -> bytes:
    """A message with a header that says when it was written; `now` in µs UTC, where it does not say so itself."""
    header, _ = read_header(text)
    return text if header.first(b"date") is not None else f"Date: {rfc5322_date(now)}\r\n".encode() + text


def _qualified(header: bytes, origin: bytes) -> bytes:
    """Fields that have a name without a domain are written anew; all others stay as they are."""
    parts: list[bytes] = []
    position = 0
    for field in iterate_fields(header):
        if field.name.lower().removeprefix(_RESENT) not in _ADDRESSES:
            continue
        found = parse_addresses(unfold(field.value))
        names = [one for one in found if one.mailbox]
        # Groups are left alone: there is no way to write them shorter than they are.
        if all(one.host for one in names) or any(one.host is None for one in found):
            continue
        listed = b",\r\n ".join(_written(one, origin) for one in names)
        parts += [header[position : field.start], field.name, b": ", listed, b"\r\n"]
        position = field.end
    return b"".join((*parts, header[position:]))


def _written(one: Mailbox, origin: bytes) -> bytes:
    address = _local(one.mailbox or b"") + b"@" + (one.host or origin)
    return phrase(one.name) + b" <" + address + b">" if one.name else address


def _local(local: bytes) -> bytes:
    return local if _DOT_ATOM.fullmatch(local) else _quoted(local)


def phrase(name: bytes) -> bytes:
    """A display name as a field writes it."""
    if _ATOMS.fullmatch(name):
        return name
    if name.isascii():
        return _quoted(name)
    return encode_words(name.decode("utf-8", "replace"), len("From: ")).encode()


def _quoted(text: bytes) -> bytes:
    return b'"' + text.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'


def recipients_of(text: bytes) -> list[str]:
    """Whom the header names: To, Cc and Bcc, or those of the newest resending where there is one. Raises TooMany."""
    header, end = read_header(text)
    if newest := _newest_block(text[:end]):
        fields = [(name.removeprefix(_RESENT), value) for name, value in newest]
    else:
        fields = [(name, value) for name in _DESTINATIONS for value in header.every(name)]
    return [address for name, value in fields if name in _DESTINATIONS for address in addresses(value)]


def _newest_block(header: bytes) -> list[tuple[bytes, bytes]]:
    """The fields of the resending that is on top (RFC 5322 §3.6.6), names in lower case; none where it says to whom it goes nowhere.

    It ends where trace fields begin, which stand in front of each block but the newest, or a field comes that it has already.
    """
    block: dict[bytes, bytes] = {}
    for field in iterate_fields(header):
        name = field.name.lower()
        if name in block or (block and name == b"received"):
            break
        if name.startswith(_RESENT):
            block[name] = unfold(field.value)
    return list(block.items()) if any(_RESENT + name in block for name in _DESTINATIONS) else []


def addresses(value: bytes) -> list[str]:
    """The addresses of a list as SMTP writes them; names without a domain as they are. Raises TooMany."""
    found = parse_addresses(value)
    if len(found) >= MAX_ADDRESSES:
        raise TooMany
    return [_spelled(one) for one in found if one.mailbox and one.host is not None]


def _spelled(one: Mailbox) -> str:
    at = b"@" + one.host if one.host else b""
    return (_local(one.mailbox or b"") + at).decode("utf-8", "replace")


def with_domain(names: Iterable[str], origin: str) -> tuple[str, ...]:
    """Each once, all with a domain."""
    return tuple(dict.fromkeys(name if "@" in name else f"{name}@{origin}" for name in names))
