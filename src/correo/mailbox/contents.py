"""Messages as they arrived: prepared outside the transaction, kept once, put together again octet for octet."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

from correo.mail.errors import Kind, Refused
from correo.mail.message.summary import Summary, glance, summarise
from correo.mailbox.compression import packed, unpacked
from correo.storage.db import Tx

T = TypeVar("T")

HASH_SIZE = 16  # octets of BLAKE2b: equal bodies are found by it
# Octets of a header that is kept as it is: clients fetch those of whole mailboxes, and to unpack one costs as much as to read
# and send it (docs/decisions/0006-content-once.md). What is longer has grown by signatures and traces, and is seldom fetched whole.
PLAIN_HEADER = 4096
BATCH = 64  # messages one statement reads at most


@dataclass(frozen=True, slots=True)
class Prepared:
    """A message ready to be stored: all that takes time is done."""

    summary: Summary
    header: bytes  # as it is kept, see compression
    body: bytes  # as it is kept
    body_hash: bytes

    @property
    def size(self) -> int:
        return self.summary.size


@dataclass(frozen=True, slots=True)
class Content:
    """What is known of a stored message without reading it."""

    id: int
    size: int
    header_size: int
    body_id: int
    envelope: bytes
    bodystructure: bytes
    parts: bytes  # for mail.message.unpack
    message_id: str
    subject: str
    sent: int | None  # microseconds UTC
    sent_zone: int  # minutes east


class Kept(NamedTuple):
    """A message as it is kept, for whoever unpacks it later."""

    header: bytes
    header_size: int
    body: bytes
    body_size: int

    def whole(self) -> bytes:
        """The message. Raises Refused(BROKEN)."""
        return _whole(*self)


_ADD_BODY = """INSERT INTO mailbox_body (id, hash, size, data) VALUES ($1, $2, $3, $4)
ON CONFLICT (hash) DO NOTHING RETURNING id"""
_EQUAL_BODY = "SELECT id FROM mailbox_body WHERE hash = $1"
_ADD_CONTENT = """INSERT INTO mailbox_content (id, size, header_size, body_id, envelope, bodystructure, parts, header,
  message_id, subject, sent, sent_zone, created, preview)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)"""
_CONTENT = """SELECT id, size, header_size, body_id, envelope, bodystructure, parts, message_id, subject, sent, sent_zone
FROM mailbox_content WHERE id = $1"""
_LACKING = "SELECT id FROM mailbox_content WHERE id = $1 AND length(envelope) = 0"  # which no summary is
_COMPLETE = (
    "UPDATE mailbox_content SET envelope = $2, bodystructure = $3, parts = $4, preview = $5 WHERE id = $1"
)
_HEADER = "SELECT header, header_size FROM mailbox_content WHERE id = $1"
_RAW = """SELECT c.header, c.header_size, b.data, b.size FROM mailbox_content AS c
JOIN mailbox_body AS b ON b.id = c.body_id WHERE c.id = $1"""
_LIST = ", ".join(f"${number}" for number in range(1, BATCH + 1))
_HEADERS = f"SELECT id, header, header_size FROM mailbox_content WHERE id IN ({_LIST})"
_BODIES = f"""SELECT c.id, b.data, b.size FROM mailbox_content AS c
JOIN mailbox_body AS b ON b.id = c.body_id WHERE c.id IN ({_LIST})"""
_RAW_MANY = f"""SELECT c.id, c.header, c.header_size, b.data, b.size FROM mailbox_content AS c
JOIN mailbox_body AS b ON b.id = c.body_id WHERE c.id IN ({_LIST})"""


def prepare(raw: bytes, *, passing: bool = False) -> Prepared:
    """Everything `store` needs. Pure; about 0.1 ms for 5 KB and 6 ms for a megabyte, so large ones belong in a thread.

    `passing`: nobody here is likely to read it; what readers ask for is left to `complete`.
    """
    summary = glance(raw) if passing else summarise(raw)
    view = memoryview(raw)
    header, body = view[: summary.header_size], view[summary.header_size :]
    digest = hashlib.blake2b(body, digest_size=HASH_SIZE).digest()
    return Prepared(summary, packed(header, PLAIN_HEADER), packed(body), digest)


async def store(tx: Tx, prepared: Prepared, id: int, now: int) -> int:
    """Keep the message under `id`, which is returned. Its body is shared with every equal one.

    Nothing points to it yet: an `append`, an entry of the queue, or else `orphan` belongs in the same transaction.
    """
    summary = prepared.summary
    body_size = summary.size - summary.header_size
    row = await tx.one(_ADD_BODY, id, prepared.body_hash, body_size, prepared.body)
    if row is None:
        row = await tx.one(_EQUAL_BODY, prepared.body_hash)
        assert row is not None  # it was in the way of the INSERT
    sent, sent_zone = summary.sent or (None, 0)
    await tx.run(
        _ADD_CONTENT,
        id,
        summary.size,
        summary.header_size,
        row[0],
        summary.envelope,
        summary.bodystructure,
        summary.parts,
        prepared.header,
        summary.message_id,
        summary.subject,
        sent,
        sent_zone,
        now,
        summary.preview,
    )
    return id


async def complete(tx: Tx, content_id: int) -> None:
    """Before the message comes into a mailbox, where it may have been prepared as `passing`."""
    row = await tx.one(_LACKING, content_id)
    if row is None:
        return
    try:
        summary = summarise(await raw(tx, content_id))
    except Refused as refused:
        if refused.kind is not Kind.BROKEN:
            raise
        summary = summarise(b"")  # whoever reads it is told; the mailbox can be listed all the same
    await tx.run(
        _COMPLETE, content_id, summary.envelope, summary.bodystructure, summary.parts, summary.preview
    )


async def content(tx: Tx, content_id: int) -> Content:
    """Raises Refused(NOT_FOUND)."""
    row = await tx.one(_CONTENT, content_id)
    if row is None:
        raise Refused(Kind.NOT_FOUND, f"content {content_id}")
    return Content(*row)


async def header(tx: Tx, content_id: int) -> bytes:
    """The header with its empty line. Raises Refused NOT_FOUND, or BROKEN where the disk has damaged it."""
    row = await tx.one(_HEADER, content_id)
    if row is None:
        raise Refused(Kind.NOT_FOUND, f"content {content_id}")
    return unpacked(*row)


async def headers(tx: Tx, content_ids: Sequence[int]) -> dict[int, bytes]:
    """Those of them that can be had: `header` says what is wrong with the others."""
    return await _many(tx, _HEADERS, content_ids, unpacked)


async def bodies(tx: Tx, content_ids: Sequence[int]) -> dict[int, bytes]:
    """What stands behind the headers, of those of the messages whose body can be had."""
    return await _many(tx, _BODIES, content_ids, unpacked)


async def raw(tx: Tx, content_id: int) -> bytes:
    """The whole message. Raises Refused NOT_FOUND or BROKEN."""
    row = await tx.one(_RAW, content_id)
    if row is None:
        raise Refused(Kind.NOT_FOUND, f"content {content_id}")
    return _whole(*row)


async def raw_many(tx: Tx, content_ids: Sequence[int]) -> dict[int, bytes]:
    """Those of the messages that can be had: `raw` says what is wrong with the others. How much they may be, the caller sees to."""
    return await _many(tx, _RAW_MANY, content_ids, _whole)


async def kept_many(tx: Tx, content_ids: Sequence[int]) -> dict[int, Kept]:
    """Those of the messages that there are, not looked at."""
    return await _many(tx, _RAW_MANY, content_ids, Kept)


async def _many(tx: Tx, statement: str, content_ids: Sequence[int], made: Callable[..., T]) -> dict[int, T]:
    """By id what is `made` of the columns behind it, where that does not raise Refused."""
    found: dict[int, T] = {}
    for start in range(0, len(content_ids), BATCH):
        for content_id, *kept in await tx.all(statement, *_padded(list(content_ids[start : start + BATCH]))):
            try:
                found[content_id] = made(*kept)
            except Refused:
                continue
    return found


def _whole(header: bytes, header_size: int, body: bytes, body_size: int) -> bytes:
    return unpacked(header, header_size) + unpacked(body, body_size)


def _padded(ids: list[int]) -> list[int]:
    """One statement serves every length: no content has the id 0."""
    return ids + [0] * (BATCH - len(ids))
