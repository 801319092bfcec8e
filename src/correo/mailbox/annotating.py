"""Annotations: what clients note about a mailbox, or about the server for themselves, under names with slashes (RFC 5464).

They belong to the mailbox and not to its name: they stay when it is renamed, and go when it is deleted.
"""

from __future__ import annotations

from collections.abc import Mapping

from correo.mail.errors import Kind, Refused
from correo.mailbox.changelog import What, note, step
from correo.mailbox.counting import Count, adjust
from correo.storage.db import Tx

SERVER = 0  # in the place of a mailbox id

MAX_VALUE = 16 * 1024  # octets; RFC 5464 §4.1 wants 1,024 at least
MAX_ENTRIES = 100  # of one mailbox; RFC 5464 §4.1 wants 10 at least
MAX_OCTETS = 64 * 1024  # names and values of one mailbox, which are read together

_ALL = "SELECT entry, value FROM mailbox_annotation WHERE account_id = $1 AND mailbox_id = $2"
_SET = """INSERT INTO mailbox_annotation (account_id, mailbox_id, entry, value) VALUES ($1, $2, $3, $4)
ON CONFLICT (account_id, mailbox_id, entry) DO UPDATE SET value = excluded.value"""
_REMOVE = "DELETE FROM mailbox_annotation WHERE account_id = $1 AND mailbox_id = $2 AND entry = $3"
_COPY = """INSERT INTO mailbox_annotation (account_id, mailbox_id, entry, value)
SELECT account_id, CAST($3 AS BIGINT), entry, value FROM mailbox_annotation WHERE account_id = $1 AND mailbox_id = $2"""
_FORGET = "DELETE FROM mailbox_annotation WHERE account_id = $1 AND mailbox_id = $2"


async def noted(tx: Tx, account_id: int, mailbox_id: int) -> dict[str, bytes]:
    """All of a mailbox, or of SERVER."""
    return dict(await tx.all(_ALL, account_id, mailbox_id))


async def annotate(
    tx: Tx, account_id: int, mailbox_id: int, values: Mapping[str, bytes | None], now: int
) -> None:
    """Set what has a value and remove what has None. The names are in lower case and well-formed.

    Where something is different then, the change log says so, and a mailbox gets a new modseq (RFC 7162 §3.2).
    Raises Refused: TOO_BIG (a value), TOO_MANY (entries, or all together are too large).
    """
    if any(value is not None and len(value) > MAX_VALUE for value in values.values()):
        raise Refused(Kind.TOO_BIG, "the value of an annotation")
    before = await noted(tx, account_id, mailbox_id)
    after: dict[str, bytes | None] = {**before, **values}
    kept = {entry: value for entry, value in after.items() if value is not None}
    if len(kept) > MAX_ENTRIES or sum(len(entry) + len(value) for entry, value in kept.items()) > MAX_OCTETS:
        raise Refused(Kind.TOO_MANY, "annotations of one mailbox")
    removed = [(account_id, mailbox_id, entry) for entry in values if entry not in kept]
    await tx.many(_REMOVE, removed)
    await tx.many(_SET, [(account_id, mailbox_id, entry, kept[entry]) for entry in values if entry in kept])
    if kept != before:
        modseq = await step(tx, account_id)
        if mailbox_id != SERVER:
            await adjust(tx, mailbox_id, modseq, Count(0, 0, 0, 0))
        await note(tx, account_id, modseq, mailbox_id, What.METADATA, (), now)


async def copy_annotations(tx: Tx, account_id: int, mailbox_id: int, target_id: int) -> None:
    """To a mailbox that has none yet."""
    await tx.run(_COPY, account_id, mailbox_id, target_id)


async def forget_annotations(tx: Tx, account_id: int, mailbox_id: int) -> None:
    await tx.run(_FORGET, account_id, mailbox_id)
