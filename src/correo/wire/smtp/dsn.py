"""The parameters of DSN: RET and ENVID of MAIL, NOTIFY and ORCPT of RCPT (RFC 3461 §4, RFC 6533 §3), read and written."""

from __future__ import annotations

import re

from correo.mail.wishes import Notify
from correo.wire.smtp.syntax import BadSyntax, decode_xtext

FULL, HEADERS = "FULL", "HDRS"
MAX_ENVELOPE_ID = 100  # characters, RFC 3461 §4.4
MAX_ORIGINAL = 500  # characters, RFC 3461 §4.2

_WORDS = {"SUCCESS": Notify.SUCCESS, "FAILURE": Notify.FAILURE, "DELAY": Notify.DELAY}
_ORIGINAL = re.compile(r"([A-Za-z0-9-]{1,40});([!-<>-~\u0080-\U0010ffff]+)")
# An address in UTF-8 type: other letters as they are, or each as its number in hexadecimal (RFC 6533 §3).
_UNICODE = re.compile(r"(?:[!-*,-<>-\[\]-~\u0080-\U0010ffff]|\\x\{[0-9A-F]{2,6}\})*")
_BEYOND = re.compile(r"[^\x00-\x7f]")
_EMBEDDED = re.compile(r"\\x\{([0-9A-F]{2,6})\}")


def parse_return(value: str | None) -> str:
    """`RET=`. Raises BadSyntax."""
    word = (value or "").upper()
    if word not in (FULL, HEADERS):
        raise BadSyntax(501, "5.5.4", "RET must be FULL or HDRS")
    return word


def parse_envelope_id(value: str | None) -> str:
    """`ENVID=`, as it was written. Raises BadSyntax."""
    decoded = decode_xtext(value) if value and len(value) <= MAX_ENVELOPE_ID else None
    if not value or not decoded or not (decoded.isascii() and decoded.isprintable()):
        raise BadSyntax(501, "5.5.4", f"ENVID must be xtext of at most {MAX_ENVELOPE_ID} characters")
    return value


def parse_notify(value: str | None) -> Notify:
    """`NOTIFY=`. Raises BadSyntax."""
    words = (value or "").upper().split(",")
    if words == ["NEVER"]:
        return Notify.NEVER
    notify = Notify.NEVER
    for word in words:
        if word not in _WORDS:
            raise BadSyntax(501, "5.5.4", "NOTIFY must be NEVER, or some of SUCCESS, FAILURE, DELAY")
        notify |= _WORDS[word]
    return notify


def notify_words(notify: Notify) -> str:
    return ",".join(word for word, what in _WORDS.items() if what in notify) or "NEVER"


def parse_original(value: str | None) -> str:
    """`ORCPT=`, as it was written. Raises BadSyntax."""
    if not value or len(value) > MAX_ORIGINAL or not original_recipient(value):
        raise BadSyntax(501, "5.5.4", "ORCPT must be a type, a semicolon, and an address in xtext")
    return value


def original_recipient(value: str) -> tuple[str, str] | None:
    """The type of an address in lower case, and the address itself; None where `value` is no ORCPT."""
    match = _ORIGINAL.fullmatch(value)
    if match is None:
        return None
    kind, text = match[1].lower(), match[2]
    address = _from_unicode(text) if kind == "utf-8" else decode_xtext(text)
    return (kind, address) if address and address.isprintable() else None


def in_ascii(original: str) -> str:
    """ORCPT for a server without SMTPUTF8: letters beyond ASCII, which only addresses of the type utf-8 have, as their numbers."""
    return _BEYOND.sub(lambda match: f"\\x{{{ord(match[0]):02X}}}", original)


def _from_unicode(text: str) -> str | None:
    if not _UNICODE.fullmatch(text):
        return None
    try:
        decoded = _EMBEDDED.sub(lambda match: chr(int(match[1], 16)), text)
        decoded.encode("utf-8")
    except (ValueError, OverflowError):  # beyond Unicode, or half of a pair
        return None
    return decoded
