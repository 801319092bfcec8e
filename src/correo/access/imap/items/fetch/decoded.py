"""FETCH BINARY: parts without their transfer encoding (RFC 3516)."""

from __future__ import annotations

import asyncio

from correo.access.imap.items.fetch.row import INLINE, Answer, Found, Literal, UnknownCte
from correo.mail.message import Part, decode_body
from correo.mail.message.sections import find_part
from correo.mail.message.text import ENCODINGS
from correo.wire.imap import encode
from correo.wire.imap.fetch import BinarySection


def answer(item: BinarySection) -> Answer:
    """`early`: an encoding nobody knows is found before the response begins."""

    async def read(found: Found) -> Literal:
        octets = await _decoded(found, item.path)
        label = item.label + b" "
        if item.size_only:
            return label, b"%d" % len(octets or b"")
        if octets is None:
            return label, encode.NIL
        if item.partial is not None:
            octets = octets[item.partial.origin : item.partial.origin + item.partial.size]
        # RFC 3516 §4.3: literal8 only where there is NUL.
        return label, (b"~" if b"\0" in octets else b"") + encode.literal(octets)

    return Answer(
        frozenset({"parts"}),
        read=read,
        early=True,
        again=item.partial is not None or item.size_only,
        marks_seen=not item.peek,
    )


async def _decoded(found: Found, path: tuple[int, ...]) -> bytes | None:
    """None where there is no such part. Raises UnknownCte."""
    if not path:
        return await found.raw(again=True)
    part = find_part(await found.root(), path)
    if part is None:
        return None
    if not part.children and part.encoding not in ENCODINGS:
        raise UnknownCte
    if part.size <= INLINE:
        return decode_body(await found.raw(again=True), part)
    return await _large(found, path, part)


async def _large(found: Found, path: tuple[int, ...], part: Part) -> bytes:
    """Clients ask for large parts piece by piece; each piece is of the whole."""
    octets = found.octets.get((found.row.content_id, path))
    if octets is None:
        octets = await asyncio.to_thread(decode_body, await found.raw(again=True), part)
        found.octets.hold((found.row.content_id, path), octets)
    return octets
