"""The FETCH items that are octets of the message: BODY[...] and the RFC822 items (RFC 3501 §6.4.5)."""

from __future__ import annotations

from collections.abc import Callable

from correo import mailbox
from correo.access.imap.items.fetch.row import Answer, Bulk, Found, Kept, Literal
from correo.mail.message import header_subset, resolve
from correo.mail.message.sections import What
from correo.wire.imap import encode
from correo.wire.imap.fetch import BodySection, Section, Text

_WHAT: dict[Text, What] = {
    Text.ALL: "",
    Text.HEADER: "HEADER",
    Text.FIELDS: "HEADER",
    Text.FIELDS_NOT: "HEADER",
    Text.TEXT: "TEXT",
    Text.MIME: "MIME",
}
_HEADERS = (Text.HEADER, Text.FIELDS, Text.FIELDS_NOT)

# What there is to read of whole messages; MIME is of their parts alone.
_KEPT: dict[Text, Kept] = {
    Text.ALL: mailbox.raw_many,
    Text.TEXT: mailbox.bodies,
    **dict.fromkeys(_HEADERS, mailbox.headers),
}


def answer(item: BodySection) -> Answer:
    section = item.section
    if section.path:
        column, whole = "parts", True
    elif section.text in _HEADERS:
        column, whole = "header", False  # kept apart from the body, which need not be read
    else:
        column, whole = "header_size", True

    async def read(found: Found) -> Literal:
        octets = await octets_of(found, section)
        if octets is None:
            return item.label + b" ", encode.NIL
        if item.partial is not None:
            octets = octets[item.partial.origin : item.partial.origin + item.partial.size]
        return item.label + b" " + encode.literal_head(len(octets)), _without_nul(octets)

    return Answer(
        frozenset({column}),
        read=read,
        octets=whole,
        again=whole and item.partial is not None,
        marks_seen=not item.peek,
        bulk=None
        if section.path or item.partial
        else Bulk(item.label + b" ", _KEPT[section.text], _made(section)),
    )


def _made(section: Section) -> Callable[[bytes], bytes] | None:
    if section.text not in (Text.FIELDS, Text.FIELDS_NOT):
        return None
    return lambda header: header_subset(header, section.fields, section.text is Text.FIELDS_NOT)


async def octets_of(found: Found, section: Section, *, again: bool = False) -> bytes | None:
    """What a section names, as it is kept; None where there is no such part. `again` as for `Found.raw`."""
    if again and section.text not in _HEADERS:
        await found.raw(again=True)
    octets: bytes
    if section.path:
        where = resolve(await found.root(), section.path, _WHAT[section.text])
        if where is None:
            return None
        octets = (await found.raw())[slice(*where)]
    elif section.text in _HEADERS:
        octets = found.row.header
    else:
        octets = await found.raw()
        if section.text is Text.TEXT:
            octets = octets[found.row.header_size :]
    if section.text in (Text.FIELDS, Text.FIELDS_NOT):
        return header_subset(octets, section.fields, section.text is Text.FIELDS_NOT)
    return octets


def _without_nul(octets: bytes) -> bytes:
    """A literal cannot hold NUL (RFC 3501 §9 `CHAR8`); 0x80 stands in its place, so that sizes stay true."""
    return octets.replace(b"\0", b"\x80") if b"\0" in octets else octets
