"""Messages: the tree of parts, and all that readers ask of it."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence

from tests.fuzz import letters
from tests.fuzz.target import Target

from correo.mail.message import (
    Part,
    body,
    body_text,
    bodystructure,
    decode_body,
    field_values,
    header_subset,
    iterate_fields,
    pack,
    read_header,
    resolve,
    scan,
    searchable,
    summarise,
    unpack,
)
from correo.mail.message.preview import MAX_PREVIEW
from correo.mail.message.scan import MAX_DEPTH, MAX_PARTS
from correo.mail.message.summary import MAX_SUBJECT

NAMES = (b"from", b"subject", b"content-type", b"x")


def run(octets: bytes) -> None:
    root = scan(octets)
    parts = nested(root, 0, len(octets), 0)
    assert len(parts) <= MAX_PARTS + 1
    assert unpack(pack(root)) == root
    for part in parts:
        inside = octets[part.body : part.end]
        assert len(decode_body(octets, part)) <= len(inside), "decoded it is longer"
        body_text(octets, part).encode("utf-8")
    _headers(octets, root)
    _sections(octets, root)
    summary = summarise(octets)
    assert summary.size == len(octets)
    assert len(summary.preview) <= MAX_PREVIEW
    assert summary.preview.isprintable() or not summary.preview.isascii()
    assert len(summary.subject) <= MAX_SUBJECT
    assert summary.bodystructure == bodystructure(octets, root)
    read_list(summary.envelope)
    for written in (summary.bodystructure, body(octets, root)):
        _same(read_list(written), root)
    assert sum(map(len, searchable(octets, root))) <= 6 * len(octets) + 1_000


def nested(part: Part, start: int, end: int, depth: int) -> list[Part]:
    """All parts, each of which lies inside its parent and behind its sibling."""
    assert start <= part.start <= part.body <= part.end <= end, "a part lies outside of its parent"
    assert depth <= MAX_DEPTH + 1
    assert part.type != "multipart" or part.children
    assert part.type.islower()
    found, at = [part], part.body
    for child in part.children:
        found += nested(child, at, part.end, depth + 1)
        at = child.end
    return found


def _same(told: Sequence[object], part: Part) -> None:
    """What BODYSTRUCTURE says, read as a client does, is what the part is."""
    if part.is_multipart:
        for child, inner in zip(part.children, told, strict=False):
            assert isinstance(inner, list)
            _same(inner, child)
        assert told[len(part.children)] == part.subtype.encode()
        return
    assert told[:2] == [part.type.encode(), part.subtype.encode()]
    assert told[3:7] == [_told(part.id), _told(part.description), part.encoding.encode(), part.size]
    if part.message is not None:
        assert isinstance(told[8], list)
        _same(told[8], part.message)
    if part.message is not None or part.type == "text":
        assert told[9 if part.message is not None else 7] == part.lines


def _told(value: bytes) -> bytes | None:
    return value.replace(b"\0", b"?") or None


def _headers(octets: bytes, root: Part) -> None:
    header, end = read_header(octets)
    assert end == root.body
    raw = octets[:end]
    for name in NAMES:
        assert field_values(raw, raw.lower(), name) == header.every(name), f"two answers about {name!r}"
    # What HEADER.FIELDS and HEADER.FIELDS.NOT show is together each field once.
    asked, others = header_subset(raw, NAMES), header_subset(raw, NAMES, invert=True)
    both = [field.name for shown in (asked, others) for field in iterate_fields(shown)]
    assert sorted(both) == sorted(field.name for field in iterate_fields(raw))


def _sections(octets: bytes, root: Part) -> None:
    for path in ((), (1,), (2,), (1, 1), (1, 2), (2, 1, 1)):
        for what in ("", "HEADER", "TEXT", "MIME"):
            span = resolve(root, path, what)
            assert span is None or 0 <= span[0] <= span[1] <= len(octets)
    whole = resolve(root, ())
    assert whole == (0, len(octets))


def read_list(written: bytes) -> list[object]:
    """One parenthesized list of IMAP as a client reads it: NIL is None, strings are octets. Raises where it is none."""
    stream = io.BytesIO(written)
    assert stream.read(1) == b"("
    found = _read_items(stream)
    assert not stream.read(), "there is something behind the list"
    return found


def _read_items(stream: io.BytesIO) -> list[object]:
    stack: list[list[object]] = [[]]
    while octet := stream.read(1):
        match octet:
            case b"(":
                stack.append([])
            case b")":
                done = stack.pop()
                if not stack:
                    return done
                stack[-1].append(done)
            case b" ":
                pass
            case b'"':
                stack[-1].append(_quoted(stream))
            case b"{":
                stack[-1].append(_literal(stream))
            case _:
                stack[-1].append(_atom(octet, stream))
    raise AssertionError("the list has no end")


def _quoted(stream: io.BytesIO) -> bytes:
    found = b""
    while (octet := stream.read(1)) != b'"':
        if octet == b"\\":
            octet = stream.read(1)
            assert octet in (b'"', b"\\"), "what is escaped need not be"
        assert octet, "a string has no end"
        assert octet not in (b"\r", b"\n", b"\0"), "a control character in quotes"
        found += octet
    return found


def _literal(stream: io.BytesIO) -> bytes:
    head = stream.readline()
    assert head.endswith(b"}\r\n")
    octets = stream.read(int(head[:-3]))
    assert len(octets) == int(head[:-3])
    assert b"\0" not in octets
    return octets


def _atom(first: bytes, stream: io.BytesIO) -> object:
    found = first
    while (octet := stream.read(1)) not in (b" ", b")", b"("):
        found += octet
        assert octet
    stream.seek(-1, io.SEEK_CUR)
    assert found == b"NIL" or found.isdigit(), f"{found!r} is neither NIL nor a number"
    return None if found == b"NIL" else int(found)


def seeds() -> Iterator[bytes]:
    yield from letters.all_kinds()


READ = (
    "bodystructure", "charsets", "comments", "envelope", "headers", "params", "part", "preview", "quoting", "scan", "sections", "summary",
    "text", "words",
)  # fmt: skip
TARGET = Target("mime", tuple(f"correo.mail.message.{name}" for name in READ), run, seeds, letters.WORDS)
