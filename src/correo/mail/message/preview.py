"""The first words of a message, for lists of messages (RFC 8970 §3.3). Little is looked at: it is computed at each arrival."""

from __future__ import annotations

import html
import re

from correo.mail.message import charsets
from correo.mail.message.part import Part
from correo.mail.message.text import decode_body

MAX_PREVIEW = 200  # characters, as RFC 8970 §3.3 would have it
# Octets of a part, still encoded, that are looked at: at first, and where they held too little. Newsletters begin with screens
# of style sheets.
LOOKS = (2 * 1024, 12 * 1024, 48 * 1024)
MAX_PARTS = 20  # that are looked at in search of one with text
ENOUGH = 3 * MAX_PREVIEW  # characters of text with its blanks and fillers

# HTML in pieces: what is not shown, with all inside; tags within a word; other tags; text. An open one hides all that follows.
_PIECE = re.compile(
    r"<!--(?:[^-]++|-(?!->))*(?:-->)?"
    r"|<(?P<tag>head|style|script|title|template)\b[^<>]*+>(?:[^<]++|<(?!/(?P=tag)))*(?:</(?P=tag)[^<>]*+>?)?"
    r"|(?P<inline></?(?:a|abbr|b|em|font|i|s|small|span|strong|sub|sup|u)\b[^<>]*+>)"
    r"|</?[a-z!?][^<>]*+>?"
    r"|(?P<text><?[^<]*+)",
    re.IGNORECASE,
)
# Invisible characters that mailings put before their text so that previews show nothing else.
_FILLER = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]"
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")


def preview(data: bytes, root: Part) -> str:
    """At most MAX_PREVIEW characters on one line; "" where there is no text to show."""
    part = _first_text(root)
    if part is None:
        return ""
    shown = ""
    for most in LOOKS:
        text = _text(data, part, most)
        shown = _line(_without_markup(text) if part.subtype == "html" else _without_quotes(text))
        if len(shown) == MAX_PREVIEW or part.size <= most:
            break
    return shown


def _first_text(root: Part) -> Part | None:
    """The first text/plain that is no attachment, else the first text/html; of messages within the message none."""
    found: Part | None = None
    waiting = [root]
    for _ in range(MAX_PARTS):
        if not waiting:
            break
        part = waiting.pop()
        if part.is_multipart:
            if part.subtype != "encrypted":
                waiting += reversed(part.children)
        elif part.type == "text" and part.disposition != "attachment" and part.end > part.body:
            if part.subtype == "plain":
                return part
            if part.subtype == "html" and found is None:
                found = part
    return found


def _text(data: bytes, part: Part, most: int) -> str:
    """The first `most` octets of a part, decoded."""
    end = min(part.end, part.body + most)
    if end < part.end:
        newline = data.rfind(b"\n", part.body, end)
        end = newline + 1 if newline >= 0 else end  # characters of more than one octet stay whole
    head = Part(0, 0, end - part.body, 0, part.type, part.subtype, part.params, part.encoding)
    return charsets.decode(decode_body(data[part.body : end], head), part.charset)


def _without_quotes(text: str) -> str:
    """What the sender wrote himself, where he wrote anything."""
    if ">" not in text:
        return text
    lines = text.splitlines()
    own = [line for line in lines if not line.startswith(">")]
    return " ".join(own if any(line.strip() for line in own) else lines)


def _without_markup(text: str) -> str:
    shown: list[str] = []
    size = 0
    for piece in _PIECE.finditer(text):
        kind = piece.lastgroup
        if kind == "text":
            run = html.unescape(piece[0])
            shown.append(run)
            size += len(run.strip())
            if size >= ENOUGH:
                break
        elif kind != "inline":
            shown.append(" ")
    return "".join(shown)


def _line(text: str) -> str:
    if not text.isascii():
        text = _FILLER.sub("", text)
    text = " ".join(text.split(None, MAX_PREVIEW)[:MAX_PREVIEW])[
        :ENOUGH
    ]  # each word is one character at least
    if not text.isprintable():
        text = " ".join(_CONTROL.sub(" ", text).split())
    return text[:MAX_PREVIEW].rstrip()
