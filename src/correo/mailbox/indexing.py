"""Keeps an index of texts up with what is in the mailboxes, behind everything else that the server does.

One walk along the ids of content makes the index what the mailboxes are: what is new is added, what is no more is removed,
wherever the last walk was broken off. Nothing notes what is indexed but the index itself, so nothing can say it wrongly.
"""

from __future__ import annotations

import sys
import unicodedata
from array import array
from bisect import bisect_left
from collections.abc import Awaitable, Callable, Iterator, Sequence

from correo.mail.errors import Kind, Refused
from correo.mail.message import Part, folded, scan, searchable, unpack
from correo.mailbox.contents import raw
from correo.mailbox.ranges import Ranges
from correo.mailbox.reading import ByRange
from correo.storage.db import Database, Tx
from correo.storage.index import Document, Index

# Goes up when `searchable` or `folded` say anything else than before: an index with other texts would leave messages out.
VERSION = 1
STAMP = f"{VERSION} unicode {unicodedata.unidata_version} python {sys.version_info[0]}.{sys.version_info[1]}"

STEP = 2_000  # ids that are compared at once: some milliseconds, beside the event loop
PORTION = 16  # messages whose texts are made without a rest: two milliseconds
PORTION_OCTETS = 256 * 1024  # of them together
TOGETHER = 4  # portions that are added at once: each by itself takes half as long again, because the index merges what it is given
LAST = 2**63 - 1

_IDS = "SELECT DISTINCT content_id FROM mailbox_message WHERE content_id > $1 ORDER BY content_id LIMIT $2"
_PARTS = "SELECT size, parts FROM mailbox_content WHERE id = $1"
_CONTENT_OF = ByRange("m.uid, m.content_id")

Rest = Callable[[], Awaitable[None]]


async def content_of(tx: Tx, mailbox_id: int, ranges: Ranges) -> tuple[array[int], array[int]]:
    """UIDs, ascending, and the content of each."""
    rows = await _CONTENT_OF.rows(tx, mailbox_id, ranges)
    return array("I", [row[0] for row in rows]), array("q", [row[1] for row in rows])


async def contents_after(tx: Tx, after: int, limit: int) -> list[int]:
    """The ids of content that is in some mailbox, ascending."""
    return [row[0] for row in await tx.all(_IDS, after, limit)]


async def documents(tx: Tx, content_ids: Sequence[int]) -> list[Document]:
    """The first of them with their texts: at most PORTION and about PORTION_OCTETS, but always one."""
    found: list[Document] = []
    octets = 0
    for content_id in content_ids[:PORTION]:
        row = await tx.one(_PARTS, content_id)
        octets += row[0] if row else 0
        if found and octets > PORTION_OCTETS:
            break
        found.append(Document(content_id, await _text(tx, content_id, row[1]) if row else None))
    return found


async def _text(tx: Tx, content_id: int, parts: bytes) -> str | None:
    """None where the disk has damaged it."""
    try:
        octets = await raw(tx, content_id)
    except Refused as refused:
        if refused.kind is not Kind.BROKEN:
            raise
        return None
    try:
        root = unpack(parts)
    except ValueError:  # made by another version of ours
        root = scan(octets)
    return text_of(octets, root)


def text_of(octets: bytes, root: Part) -> str:
    """All that a search may look through, folded, each thing on a line of its own."""
    return "\n".join([folded(text) for text in searchable(octets, root)])


async def count_missing(tx: Tx, known: array[int]) -> tuple[int, int]:
    """How many messages there are, each once however many mailboxes have it, and how many of them are not in `known`, which ascends."""
    after = total = missing = 0
    while ids := await contents_after(tx, after, STEP):
        total += len(ids)
        missing += sum(1 for _ in _missing(ids, known))
        after = ids[-1]
    return total, missing


class Indexer:
    def __init__(self, db: Database, index: Index, rest: Rest) -> None:
        """`rest` is awaited after each portion of work; how long it takes is how much is left to others."""
        self._db = db
        self._index = index
        self._rest = rest
        self.added = 0  # messages

    async def walk(self, after: int = 0) -> int:
        """Bring the index up to date from id `after` on; the highest id that is in a mailbox. Raises Refused UNAVAILABLE."""
        while True:
            ids = await self._db.scan(contents_after, after, STEP)
            last = ids[-1] if len(ids) == STEP else LAST
            known = array("q", await self._index.known(after, last))
            await self._index.remove(await self._gone(set(known).difference(ids), after))
            await self._add(list(_missing(ids, known)))
            after = max([after, *ids[-1:]])
            if last == LAST:
                return after
            await self._rest()

    async def _gone(self, ids: set[int], after: int) -> list[int]:
        """Those that are in no mailbox: what another process has indexed since we looked is there by now."""
        if ids:
            ids.difference_update(await self._db.scan(contents_after, after, STEP))
        return sorted(ids)

    async def _add(self, fresh: list[int]) -> None:
        done = portions = 0
        held: list[Document] = []
        while done < len(fresh):
            portion = await self._db.scan(documents, fresh[done : done + PORTION])
            held += portion
            done += len(portion)
            portions += 1
            if portions % TOGETHER == 0 or done == len(fresh):
                await self._index.add(held)
                self.added += len(held)
                held.clear()
            await self._rest()


def _missing(ids: Sequence[int], known: array[int]) -> Iterator[int]:
    """Those of `ids` that are not in `known`, which ascends."""
    for id in ids:
        at = bisect_left(known, id)
        if at == len(known) or known[at] != id:
            yield id
