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
    """An encoding nobody knows is found before the response begins; what may be long is made when its turn comes."""
    label = item.label + b" "

    async def size(found: Found) -> Literal:
        return label, b"%d" % len(await _decoded(found, item.path) or b"")

    async def check(found: Found) -> None:
        await _prepared(found, item.path)

    async def read(found: Found) -> Literal:
        octets = await _decoded(found, item.path)
        if octets is None:
            return label, encode.NIL
        if item.partial is not None:
            octets = octets[item.partial.origin : item.partial.origin + item.partial.size]
        # RFC 3516 §4.3: literal8 only where there is NUL.
        return label + (b"~" if b"\0" in octets else b"") + encode.literal_head(len(octets)), octets

    return Answer(
        frozenset({"parts"}),
        read=size if item.size_only else read,
        check=None if item.size_only else check,
        early=item.size_only,
        again=item.partial is not None or item.size_only,
        marks_seen=not item.peek,
    )


async def _part(found: Found, path: tuple[int, ...]) -> Part | None:
    """None where there is no such part. Raises UnknownCte."""
    part = find_part(await found.root(), path)
    if part is not None and not part.children and part.encoding not in ENCODINGS:
        raise UnknownCte
    return part


async def _prepared(found: Found, path: tuple[int, ...]) -> None:
    """After this `_decoded` cannot fail: the message is at hand, or the part as somebody has decoded it."""
    part = await _part(found, path) if path else None
    if part is not None and part.size > INLINE:
        octets = found.octets.get((found.row.content_id, path))
        if octets is not None:
            found.decoded[path] = octets
            return
    if part is not None or not path:
        await found.raw(again=True)


async def _decoded(found: Found, path: tuple[int, ...]) -> bytes | None:
    """None where there is no such part. Raises UnknownCte."""
    if not path:
        return await found.raw(again=True)
    part = await _part(found, path)
    if part is None:
        return None
    if part.size <= INLINE:
        return decode_body(await found.raw(again=True), part)
    return await _large(found, path, part)


async def _large(found: Found, path: tuple[int, ...], part: Part) -> bytes:
    """Clients ask for large parts piece by piece; each piece is of the whole."""
    octets = found.decoded.get(path) or found.octets.get((found.row.content_id, path))
    if octets is None:
        octets = await asyncio.to_thread(decode_body, await found.raw(again=True), part)
        found.octets.hold((found.row.content_id, path), octets)
    return octets
