"""A stored message under another header: its body is neither read nor kept a second time."""

from __future__ import annotations

from correo.mail.errors import Kind, Refused
from correo.mail.message.part import shifted
from correo.mailbox.compression import packed
from correo.mailbox.contents import PLAIN_HEADER, complete
from correo.storage.db import Tx

_OLD = "SELECT size, header_size, parts FROM mailbox_content WHERE id = $1"
_COPY = """INSERT INTO mailbox_content (id, size, header_size, body_id, envelope, bodystructure, parts, header,
  message_id, subject, sent, sent_zone, created, preview)
SELECT CAST($2 AS BIGINT), CAST($3 AS BIGINT), CAST($4 AS BIGINT), body_id, envelope, bodystructure, $5, $6,
  message_id, subject, sent, sent_zone, CAST($7 AS BIGINT), preview
FROM mailbox_content WHERE id = $1"""


async def rehead(tx: Tx, content_id: int, header: bytes, id: int, now: int) -> int:
    """Keep the message under `id` with `header`, empty line and all, in the place of its own; the size of that.

    It must say nothing else of what clients ask for by name: fields may come and go that are in neither ENVELOPE nor BODYSTRUCTURE.
    As after `store`, nothing points to it yet. Raises Refused(NOT_FOUND).
    """
    await complete(tx, content_id)
    row = await tx.one(_OLD, content_id)
    if row is None:
        raise Refused(Kind.NOT_FOUND, f"content {content_id}")
    size, header_size, parts = row
    longer = len(header) - header_size
    kept = packed(header, PLAIN_HEADER)
    await tx.run(_COPY, content_id, id, size + longer, len(header), shifted(parts, longer), kept, now)
    return int(size + longer)
