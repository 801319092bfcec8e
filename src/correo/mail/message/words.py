"""Encoded-words, `=?charset?B?...?=` (RFC 2047, with RFC 2231 §5's language), read with tolerance and written."""

from __future__ import annotations

import binascii
import re

from correo.mail.message import charsets

MAX_WORD = 75  # octets of one encoded-word, RFC 2047 §2

_WORD = re.compile(rb"=\?([^?*\s]{1,40})(?:\*[^?\s]{0,40})?\?([BbQq])\?([^?]*+)\?=")
_BLANKS = b" \t\r\n"
_PLAIN = re.compile(r"[\t -~]*")
_NOT_BASE64 = bytes(
    set(range(256)) - set(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]+")
_Q_SAFE = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!*+-/")  # RFC 2047 §5 (3)


def decode_words(value: bytes | str) -> str:
    """The text of a header value: words decoded, blanks between adjacent words dropped (§6.2), the rest as it is.

    Octets outside of words are UTF-8, or Windows-1252 where they cannot be that. Words of one charset that follow each
    other are decoded together, because senders cut characters in two although §5 forbids it.
    """
    octets = value.encode("utf-8", "replace") if isinstance(value, str) else value
    if b"=?" not in octets:
        return charsets.guess(octets)
    text: list[str] = []
    pending: list[bytes] = []
    charset, done = "", 0
    for match in _WORD.finditer(octets):
        between = octets[done : match.start()]
        label = match[1].decode("ascii", "replace").lower()
        adjacent = bool(charset) and not between.strip(_BLANKS)
        if not adjacent or label != charset:
            text.append(charsets.decode(b"".join(pending), charset))
            pending.clear()
        if not adjacent:
            text.append(charsets.guess(between))
        pending.append(_payload(match[2], match[3]))
        charset, done = label, match.end()
    text.append(charsets.decode(b"".join(pending), charset))
    text.append(charsets.guess(octets[done:]))
    return "".join(text)


def _payload(encoding: bytes, text: bytes) -> bytes:
    if encoding in b"Qq":
        return binascii.a2b_qp(text, header=True)
    text = text.translate(None, _NOT_BASE64)
    if len(text) % 4 == 1:
        text = text[:-1]
    return binascii.a2b_base64(text + b"=" * (-len(text) % 4))


def encode_words(text: str, used: int = 0) -> str:
    """A header value that says `text` in ASCII: as it is where it can be, else in UTF-8 words folded by CRLF SP.

    `used` is how many columns of the first line are taken, as by `Subject: `. Line ends and other controls in the text
    become a blank, so that no text can add a field.
    """
    text = _CONTROL.sub(" ", text)
    if _PLAIN.fullmatch(text) and "=?" not in text:
        return text
    octets = [char.encode("utf-8", "replace") for char in text]
    q_length = sum(_q_length(char) for char in octets)
    as_base64 = q_length > 4 * sum(map(len, octets)) // 3
    words: list[str] = []
    room = max(12, MAX_WORD - len("=?utf-8?q??=") - used)  # one character takes at most 12 columns
    piece, taken = b"", 0
    for char in octets:
        length = (len(piece) + len(char) + 2) // 3 * 4 if as_base64 else taken + _q_length(char)
        if length > room:
            words.append(_word(piece, as_base64))
            piece, room = b"", MAX_WORD - len("=?utf-8?q??=")
            length = (len(char) + 2) // 3 * 4 if as_base64 else _q_length(char)
        piece, taken = piece + char, length
    words.append(_word(piece, as_base64))
    return "\r\n ".join(words)


def _q_length(char: bytes) -> int:
    return sum(1 if octet in _Q_SAFE or octet == 32 else 3 for octet in char)


def _word(piece: bytes, as_base64: bool) -> str:
    if as_base64:
        return f"=?utf-8?b?{binascii.b2a_base64(piece, newline=False).decode()}?="
    return "=?utf-8?q?" + "".join(_q(octet) for octet in piece) + "?="


def _q(octet: int) -> str:
    if octet == 32:
        return "_"
    return chr(octet) if octet in _Q_SAFE else f"={octet:02X}"
