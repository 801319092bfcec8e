"""Everything readers ask of a message again and again, computed once when it arrives."""

from __future__ import annotations

import re
from dataclasses import dataclass

from correo.mail.message.bodystructure import bodystructure
from correo.mail.message.charsets import guess
from correo.mail.message.dates import parse_date
from correo.mail.message.envelope import envelope
from correo.mail.message.headers import Header, read_header
from correo.mail.message.part import pack
from correo.mail.message.preview import preview
from correo.mail.message.scan import scan_with_header
from correo.mail.message.words import decode_words

MAX_SUBJECT = 512  # characters kept for lists and sorting; the whole is in the message
MAX_MESSAGE_ID = 998  # octets, a full line of RFC 5322 §2.1.1

_MESSAGE_ID = re.compile(rb"<[^<>\s]{1,%d}>" % (MAX_MESSAGE_ID - 2))


@dataclass(frozen=True, slots=True)
class Summary:
    """`envelope` and `bodystructure` are in IMAP's wire form, `parts` is for `unpack`. All three and the preview are empty after `glance`."""

    size: int  # octets
    header_size: int  # octets, with the empty line: where the body begins
    envelope: bytes
    bodystructure: bytes
    parts: bytes
    message_id: str  # with its angle brackets, "" where there is none
    subject: str  # decoded, runs of blanks and controls made one blank, at most MAX_SUBJECT characters
    sent: tuple[int, int] | None  # the Date field: microseconds UTC, zone in minutes east
    preview: str  # the first words, see `preview`


def summarise(data: bytes) -> Summary:
    """The summary of the message `data`."""
    root, header = scan_with_header(data)
    return Summary(
        len(data),
        root.body,
        envelope(header),
        bodystructure(data, root),
        pack(root),
        _message_id(header),
        _subject(header),
        parse_date(header.first(b"date") or b""),
        preview(data, root),
    )


def glance(data: bytes) -> Summary:
    """What has to be known of a message that is only passed on: the rest is for readers."""
    header, body = read_header(data)
    sent = parse_date(header.first(b"date") or b"")
    return Summary(len(data), body, b"", b"", b"", _message_id(header), _subject(header), sent, "")


def _message_id(header: Header) -> str:
    """The msg-id (RFC 5322 §3.6.4), or whatever stands in its place without blanks around it."""
    value = header.first(b"message-id") or b""
    match = _MESSAGE_ID.search(value)
    return guess(match[0] if match else value[:MAX_MESSAGE_ID]).replace("\0", "\ufffd")


def _subject(header: Header) -> str:
    value = header.first(b"subject") or b""
    # Each encoded-word takes at least twelve octets more than it says, so this much is enough for MAX_SUBJECT.
    text = decode_words(value[: 64 * MAX_SUBJECT]).replace("\0", "\ufffd")
    return " ".join(text[: 4 * MAX_SUBJECT].split())[:MAX_SUBJECT]
