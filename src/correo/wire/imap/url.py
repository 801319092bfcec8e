"""IMAP URLs of messages and their parts, as CATENATE takes them: relative to the server and user (RFC 4469 §3), with the range of
octets that RFC 5092 §5 has added (RFC 5550 §5.7.1)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from correo.wire.imap.fetch import Section, read_section
from correo.wire.imap.grammar import Arguments, SyntaxFault
from correo.wire.imap.types import MAX_NUMBER, MAX_NUMBER64

_URL = re.compile(
    r"(?P<mailbox>[^;]*?)(?:;UIDVALIDITY=(?P<validity>[1-9]\d{0,9}))?/?"
    r";UID=(?P<uid>[1-9]\d{0,9})(?:/;SECTION=(?P<section>[^;]+?))?"
    r"(?:/;PARTIAL=(?P<origin>\d{1,19})(?:\.(?P<size>[1-9]\d{0,18}))?)?",
    re.IGNORECASE,
).fullmatch
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:|//").match


@dataclass(frozen=True, slots=True)
class MessageUrl:
    """A message, or the part of it that FETCH BODY[section] would give: of that `size` octets, or all, from `origin` on."""

    mailbox: str  # "" for the one that is selected
    uidvalidity: int | None
    uid: int
    section: Section
    origin: int = 0
    size: int | None = None

    def cut(self, octets: bytes) -> bytes:
        """Of what the section is, what the URL names; there may be less of it, as in FETCH."""
        return octets[self.origin : None if self.size is None else self.origin + self.size]


def message_url(url: str) -> MessageUrl | None:
    """None for what is malformed, absolute, of another server, or no message."""
    match = None if _SCHEME(url) else _URL(url)
    if match is None:
        return None
    try:
        mailbox = unquote_to_bytes(match["mailbox"].removeprefix("/").removesuffix("/")).decode("utf-8")
        section = _section(unquote_to_bytes(match["section"] or ""))
    except (UnicodeDecodeError, SyntaxFault):
        return None
    validity, uid = int(match["validity"] or 1), int(match["uid"])
    if max(uid, validity) > MAX_NUMBER or "\x00" in mailbox:
        return None
    origin, size = int(match["origin"] or 0), int(match["size"]) if match["size"] else None
    if max(origin, size or 0) > MAX_NUMBER64:
        return None
    return MessageUrl(mailbox, validity if match["validity"] else None, uid, section, origin, size)


def _section(spec: bytes) -> Section:
    args = Arguments(b"[" + spec + b"]")
    section = read_section(args)
    args.end()
    return section
