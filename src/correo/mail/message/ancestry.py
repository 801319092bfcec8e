"""Which messages a message follows (RFC 5256 §3, REFERENCES): the fields that say it, found without taking the header apart."""

from __future__ import annotations

import re

from correo.mail.message.headers import MAX_HEADER, unfold

_IN_BRACKETS = re.compile(r"<([^<>]++)>")
_WORDS = re.compile(r'(?:[^"\s]|"(?:[^"\\]|\\.)*")+').fullmatch
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')
_ESCAPED = re.compile(r"\\(.)")
_VALUE = rb"[ \t]*+:([^\n]*+(?:\n[ \t][^\n]*+)*)"
_REFERENCES = re.compile(rb"^references" + _VALUE, re.IGNORECASE | re.MULTILINE)
_IN_REPLY_TO = re.compile(rb"^in-reply-to" + _VALUE, re.IGNORECASE | re.MULTILINE)
MAX_MESSAGE_ID = 998  # characters: a line
MAX_FIELD = 65_536  # octets of one of these fields that are read: some hundred messages


def ancestry(header: bytes) -> list[str]:
    """The ids of References, the eldest first; where it names none, the first of In-Reply-To. Without their brackets."""
    return _ids(_REFERENCES, header) or _ids(_IN_REPLY_TO, header)[:1]


def message_ids(value: str) -> list[str]:
    """The msg-ids in a field, without their brackets, and without quotes that make no difference."""
    found = (match[1] for match in _IN_BRACKETS.finditer(value) if len(match[1]) <= MAX_MESSAGE_ID)
    return [_unquoted(text) for text in found if _WORDS(text)]


def _ids(field: re.Pattern[bytes], header: bytes) -> list[str]:
    match = field.search(header, 0, MAX_HEADER)
    return message_ids(unfold(match[1][:MAX_FIELD]).decode("utf-8", "replace")) if match else []


def _unquoted(text: str) -> str:
    if '"' not in text:
        return text
    return _QUOTED.sub(lambda quoted: _ESCAPED.sub(r"\1", quoted[1]), text)
