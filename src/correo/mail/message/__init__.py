"""A message as bytes with a map: what is where, and what it says, without copying or changing an octet.

In come the octets of one message exactly as stored, with lines that end in CRLF or LF (a CR alone is data). Out come
values: a tree of parts with offsets (`scan`), IMAP's ENVELOPE and BODYSTRUCTURE in wire form, the slice that a FETCH
section names (`resolve`), dates, addresses, decoded text. `summarise` does at once, on arrival, what readers ask later.

Promised for any input, hostile ones included: nothing raises, every slice lies inside the message and inside its
parent, time and memory are linear in the size of the message, depth and counts have named limits. What lies beyond a
limit is an opaque leaf, `application/octet-stream`, of which nothing is lost but the view inside.

Deliberate readings of broken mail: a message's header ends at the first empty line, and lines in it that are no fields
are skipped, but a message that begins with two of those has no header; the header of a part also ends before a line that
is no field; a multipart without a boundary, or in which its boundary never occurs, is `text/plain`; where a field that
may occur once occurs twice, the first counts.
"""

from correo.mail.message.addresses import Mailbox, parse_addresses
from correo.mail.message.binary import without_nul
from correo.mail.message.bodystructure import body, bodystructure
from correo.mail.message.dates import parse_date
from correo.mail.message.envelope import envelope
from correo.mail.message.folding import folded
from correo.mail.message.headers import (
    Field,
    Header,
    field_values,
    header_subset,
    iterate_fields,
    read_header,
    unfold,
)
from correo.mail.message.part import Part, pack, unpack
from correo.mail.message.preview import preview
from correo.mail.message.scan import scan
from correo.mail.message.sections import resolve
from correo.mail.message.summary import Summary, glance, summarise
from correo.mail.message.text import body_text, decode_body, searchable
from correo.mail.message.words import decode_words, encode_words

__all__ = [
    "Field",
    "Header",
    "Mailbox",
    "Part",
    "Summary",
    "body",
    "body_text",
    "bodystructure",
    "decode_body",
    "decode_words",
    "encode_words",
    "envelope",
    "field_values",
    "folded",
    "glance",
    "header_subset",
    "iterate_fields",
    "pack",
    "parse_addresses",
    "parse_date",
    "preview",
    "read_header",
    "resolve",
    "scan",
    "searchable",
    "summarise",
    "unfold",
    "unpack",
    "without_nul",
]
