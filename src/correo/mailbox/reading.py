"""Reading messages by UID: rows of a mailbox, alone or joined with what was computed when they arrived."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache, partial
from operator import itemgetter
from typing import NamedTuple

from correo.mail.flags import SEEN
from correo.mailbox.compression import unpacked
from correo.mailbox.ranges import EVERYTHING, Range, Ranges
from correo.mailbox.seen import FLAGS, JOIN, MODSEQ, OWNER, first_unseen_by
from correo.storage.db import Row, Tx

SPANS = 64  # ranges one statement takes; more are read in several

_uid = itemgetter(0)


class ByRange:
    """One SELECT over `mailbox_message AS m`, whose first column is the UID, for any number of ranges.

    Two texts are all it takes, since shorter lists are padded with empty ranges. CROSS JOIN because SQLite then keeps the
    order: first the ranges, then a seek for each.
    """

    def __init__(self, columns: str, tables: str = "", where: str = "", *, of_reader: bool = False) -> None:
        """`of_reader`: columns may be those of `mailbox.seen`, and `rows` is told who the reader is."""
        join = JOIN if of_reader else ""
        cast = "(CAST($2 AS BIGINT), CAST($3 AS BIGINT))"
        values = ", ".join((cast, *(f"(${2 * n}, ${2 * n + 1})" for n in range(2, SPANS + 1))))
        self._one = (
            f"SELECT {columns} FROM mailbox_message AS m{join.format(reader='$4')}{tables} "
            f"WHERE m.mailbox_id = $1 AND m.uid BETWEEN $2 AND $3{where} ORDER BY m.uid"
        )
        self._several = (
            f"SELECT {columns} FROM (VALUES {values}) AS span CROSS JOIN mailbox_message AS m"
            f"{join.format(reader=f'${2 * SPANS + 2}')}{tables} "
            f"WHERE m.mailbox_id = $1 AND m.uid BETWEEN span.column1 AND span.column2{where}"
        )

    async def rows(self, tx: Tx, mailbox_id: int, ranges: Ranges, *reader: int) -> list[Row]:
        """In the order of UIDs."""
        if len(ranges) == 1:
            return await tx.all(self._one, mailbox_id, *ranges[0], *reader)
        found: list[Row] = []
        for start in range(0, len(ranges), SPANS):
            chunk = ranges[start : start + SPANS]
            bounds = [bound for span in chunk for bound in span]
            bounds += (1, 0) * (SPANS - len(chunk))
            found += await tx.all(self._several, mailbox_id, *bounds, *reader)
        found.sort(key=_uid)
        return found


@dataclass(frozen=True, slots=True)
class Message:
    """One message in one mailbox. Times are µs UTC, zones minutes east."""

    uid: int
    content_id: int
    flags: int  # bits of mail.flags
    keywords: str  # parted by one space
    modseq: int
    received: int  # INTERNALDATE
    received_zone: int
    saved: int  # when it came into this mailbox (RFC 8514)
    size: int


class Fetched(NamedTuple):
    """A message joined with its content. What was not asked for is None, whatever its type says here."""

    uid: int
    content_id: int
    flags: int
    keywords: str
    modseq: int
    received: int
    received_zone: int
    saved: int
    size: int
    header_size: int
    body_id: int
    message_id: str
    subject: str
    sent: int | None
    sent_zone: int
    envelope: bytes
    bodystructure: bytes
    parts: bytes
    preview: str | None  # None as well where it was never computed
    header: bytes  # unpacked


COLUMNS = frozenset(Fetched._fields)
_MESSAGE = ("uid", "content_id", "flags", "keywords", "modseq", "received", "received_zone", "saved", "size")
_SMALL = ("header_size", "body_id", "message_id", "subject", "sent", "sent_zone")
_LARGE = ("envelope", "bodystructure", "parts", "preview", "header")
OWN_COLUMNS = frozenset(_MESSAGE)
_CONTENT, _OF_CONTENT = " CROSS JOIN mailbox_content AS c", " AND c.id = m.content_id"
_NO_CONTENT = (None,) * len(_SMALL + _LARGE)
_fetched: Callable[[Row], Fetched] = partial(tuple.__new__, Fetched)  # `_make` counts the columns each time
_HEADER_SIZE = Fetched._fields.index("header_size")

_OWN = tuple(f"m.{name}" for name in _MESSAGE)
_OF_READER = tuple({"m.flags": FLAGS, "m.modseq": MODSEQ}.get(column, column) for column in _OWN)
_MESSAGES = ByRange(", ".join(_OWN))
_MESSAGES_OF_READER = ByRange(", ".join(_OF_READER), of_reader=True)
_UIDS = "SELECT uid FROM mailbox_message WHERE mailbox_id = $1 ORDER BY uid"
_AFTER = """SELECT uid, content_id, flags, keywords, modseq, received, received_zone, saved, size
FROM mailbox_message WHERE mailbox_id = $1 AND uid > $2 ORDER BY uid LIMIT $3"""
_STATE = """SELECT COUNT(*), COALESCE(MAX(modseq), 0) FROM mailbox_message
WHERE mailbox_id = $1 AND uid BETWEEN $2 AND $3"""
_MODSEQ = "SELECT modseq FROM mailbox_mailbox WHERE id = $1"
_FLAGGED = "SELECT uid FROM mailbox_message WHERE mailbox_id = $1 AND flags & $2 = $3 ORDER BY uid"
_UNSEEN = f"SELECT uid FROM mailbox_message WHERE mailbox_id = $1 AND flags & {SEEN} = 0 ORDER BY uid LIMIT 1"


async def uids(tx: Tx, mailbox_id: int) -> list[int]:
    """Every UID, ascending; empty for a mailbox that has gone."""
    return [row[0] for row in await tx.all(_UIDS, mailbox_id)]


async def first_unseen(tx: Tx, mailbox_id: int, reader: int = OWNER) -> int | None:
    """The lowest UID without \\Seen; it reads all that lie before it."""
    if reader:
        return await first_unseen_by(tx, mailbox_id, reader)
    row = await tx.one(_UNSEEN, mailbox_id)
    return None if row is None else int(row[0])


async def flagged(tx: Tx, mailbox_id: int, mask: int, bits: int) -> list[int]:
    """The UIDs of messages whose flags under `mask` are `bits`, ascending, as the owner has them."""
    return [row[0] for row in await tx.all(_FLAGGED, mailbox_id, mask, bits)]


async def messages(
    tx: Tx, mailbox_id: int, ranges: Ranges | None = None, reader: int = OWNER
) -> list[Message]:
    """The messages in `ranges`, or all, in the order of UIDs."""
    ranges = EVERYTHING if ranges is None else ranges
    if reader:
        rows = await _MESSAGES_OF_READER.rows(tx, mailbox_id, ranges, reader)
    else:
        rows = await _MESSAGES.rows(tx, mailbox_id, ranges)
    return [Message(*row) for row in rows]


async def messages_after(tx: Tx, mailbox_id: int, after: int, limit: int) -> list[Message]:
    """The first `limit` messages whose UIDs are higher than `after`, in the order of UIDs, as the owner has them."""
    return [Message(*row) for row in await tx.all(_AFTER, mailbox_id, after, limit)]


async def fetch_rows(
    tx: Tx, mailbox_id: int, ranges: Ranges, columns: Collection[str], reader: int = OWNER
) -> list[Fetched]:
    """The messages in `ranges` in the order of UIDs, with at least `columns` (names of COLUMNS) filled in.

    Columns of the message itself cost nothing extra and are always there; content is joined only when it is asked for, and
    of it `envelope`, `bodystructure`, `parts`, `preview` and `header` each only by name. The caller slices long ranges, some hundred
    messages a call. Raises Refused(BROKEN) for a damaged header, ValueError for an unknown column.
    """
    wanted = frozenset(columns)
    if not wanted <= COLUMNS:
        raise ValueError(f"no such columns: {sorted(wanted - COLUMNS)}")
    content = not wanted.isdisjoint((*_SMALL, *_LARGE))
    statement = _joined(content, frozenset(wanted.intersection(_LARGE)), reader != OWNER)
    rows = await statement.rows(tx, mailbox_id, ranges, *((reader,) if reader else ()))
    if "header" in wanted:
        return [Fetched._make((*row[:-1], unpacked(row[-1], row[_HEADER_SIZE]))) for row in rows]
    if not content:
        return [_fetched(row + _NO_CONTENT) for row in rows]
    return [_fetched(row) for row in rows]


async def fetch_columns(
    tx: Tx, mailbox_id: int, ranges: Ranges, names: Sequence[str], reader: int = OWNER
) -> list[Row]:
    """The same messages, as rows of nothing but the columns `names`, of which the first is `uid`.

    For whole mailboxes: a third of the time of `fetch_rows`. Not for `header`, which has to be unpacked.
    """
    if not COLUMNS.issuperset(names) or "header" in names or names[0] != "uid":
        raise ValueError(f"no such columns: {names}")
    statement = _narrow(tuple(names), reader != OWNER)
    return await statement.rows(tx, mailbox_id, ranges, *((reader,) if reader else ()))


async def fetch_changed(
    tx: Tx, mailbox_id: int, span: Range, names: Sequence[str], since: int, messages: int
) -> tuple[int, list[Row] | None]:
    """HIGHESTMODSEQ of the mailbox, and `fetch_columns` as its owner has them.

    Or None instead of these where nothing in the span has changed: at the modseq `since` there were so many `messages` in it, and
    nobody has been given a UID in it since then. A mailbox that has gone has the modseq 0 and no messages.
    """
    row = await tx.one(_MODSEQ, mailbox_id)
    modseq = row[0] if row else 0
    if modseq == since:
        return modseq, None
    if since >= 0 and (found := await tx.one(_STATE, mailbox_id, *span)):
        have, latest = found
        if have == messages and latest <= since:
            return modseq, None
    return modseq, await fetch_columns(tx, mailbox_id, [span], names)


@lru_cache(maxsize=64)  # statements, of 3 KB: clients ask for some ten combinations
def _narrow(names: tuple[str, ...], of_reader: bool) -> ByRange:
    own = dict(zip(_MESSAGE, _OF_READER if of_reader else _OWN, strict=True))
    columns = ", ".join(own.get(name, f"c.{name}") for name in names)
    if OWN_COLUMNS.issuperset(names):
        return ByRange(columns, of_reader=of_reader)
    return ByRange(columns, tables=_CONTENT, where=_OF_CONTENT, of_reader=of_reader)


@cache
def _joined(content: bool, large: frozenset[str], of_reader: bool) -> ByRange:
    """At most 66 statements, made when first asked for."""
    columns = list(_OF_READER if of_reader else _OWN)
    if not content:
        return ByRange(", ".join(columns), of_reader=of_reader)
    columns += [f"c.{name}" for name in _SMALL]
    columns += [f"c.{name}" if name in large else f"NULL AS {name}" for name in _LARGE]
    return ByRange(
        ", ".join(columns),
        tables=_CONTENT,
        where=_OF_CONTENT,
        of_reader=of_reader,
    )
