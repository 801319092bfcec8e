"""The base subject (RFC 5256 §2.1): what is left of a subject when all that replying and forwarding added is taken off."""

from __future__ import annotations

import re
from typing import NamedTuple

_BLANKS = " \t"
_BLOBS = re.compile(r"(?:\[[^\[\]]*+\][ \t]*+)+")
_REFWD = re.compile(r"(?:re|fwd?)[ \t]*+(?:\[[^\[\]]*+\][ \t]*+)?:", re.IGNORECASE | re.ASCII)
_TRAILER = "(fwd)"
_FORWARDED, _END = "[fwd:", "]"


class BaseSubject(NamedTuple):
    text: str
    reply: (
        bool  # something was removed that only replies and forwarded messages have (RFC 5256 §3, REFERENCES)
    )


def base_subject(subject: str) -> BaseSubject:
    """`subject` has its encoded-words decoded and each run of blanks made one, as `summarise` leaves it (step 1)."""
    text, reply = subject, False
    while True:
        text, trailed = _without_trailer(text)
        text, led = _without_leader(text)
        reply = reply or trailed or led
        if not (text[: len(_FORWARDED)].lower() == _FORWARDED and text.endswith(_END)):
            return BaseSubject(text, reply)
        text, reply = text[len(_FORWARDED) : -len(_END)], True  # step 6


def _without_trailer(text: str) -> tuple[str, bool]:
    """Step 2."""
    end, removed = len(text.rstrip(_BLANKS)), False
    while text[max(0, end - len(_TRAILER)) : end].lower() == _TRAILER:
        end, removed = end - len(_TRAILER), True
        while end and text[end - 1] in _BLANKS:
            end -= 1
    return text[:end], removed


def _without_leader(text: str) -> tuple[str, bool]:
    """Steps 3 to 5. Blobs before `re:` go with it; before the rest of the subject they go too; the last is not taken from none."""
    at, removed = 0, False
    while True:
        while text[at : at + 1] in (" ", "\t"):
            at += 1
        blobs = _BLOBS.match(text, at)
        after = blobs.end() if blobs else at
        refwd = _REFWD.match(text, after)
        if refwd is None:
            break
        at, removed = refwd.end(), True
    if blobs and after == len(text):
        return text[text.rindex("[", at) :], removed
    return text[after:], removed
