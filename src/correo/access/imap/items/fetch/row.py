"""What a row of the table of FETCH items says, and what its answer is made of."""

from __future__ import annotations

from collections.abc import (
    AsyncGenerator,
    Awaitable,
    Callable,
    Coroutine,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from dataclasses import dataclass, field
from typing import Any

from correo import mailbox
from correo.access.imap.octets import Octets
from correo.access.imap.view import View
from correo.mail.errors import Kind, Refused
from correo.mail.message import Part, scan, unpack
from correo.mailbox import OWN_COLUMNS, Fetched
from correo.storage.db import Database, Tx
from correo.wire.imap import fetch

INLINE = 256 * 1024  # octets: reading and unpacking more would hold up other sessions, so it goes to a thread


class UnknownCte(Refused):
    """A transfer encoding that nobody here can decode (RFC 3516 §4.3)."""

    def __init__(self) -> None:
        super().__init__(Kind.BROKEN, "unknown transfer encoding")


class Found:
    """One message whose octets are being asked for; each thing is read once."""

    def __init__(self, row: Fetched, db: Database, octets: Octets, raw: bytes | None = None) -> None:
        """`raw`: the message, where it has been read already."""
        self.row = row
        self._db = db
        self.octets = octets
        self.decoded: dict[tuple[int, ...], bytes] = {}  # parts found among `octets`, while they are needed
        self._raw = raw
        self._root: Part | None = None

    async def raw(self, *, again: bool = False) -> bytes:
        """The whole message; `again`: more pieces of it will be asked for soon. Raises Refused."""
        if self._raw is None:
            self._raw = self.octets.get(self.row.content_id)
        if self._raw is None:
            small = self.row.size <= INLINE
            self._raw = await (self._db.read if small else self._db.scan)(mailbox.raw, self.row.content_id)
            if again and not small:
                self.octets.hold(self.row.content_id, self._raw)
        return self._raw

    async def root(self) -> Part:
        """The map of its parts; the row must have the column `parts`."""
        if self._root is None:
            try:
                self._root = unpack(self.row.parts)
            except ValueError:  # made by another version of ours
                self._root = scan(await self.raw())
        return self._root


async def each(
    rows: Sequence[Fetched], db: Database, octets: Octets, *, whole: bool
) -> AsyncGenerator[Found, None]:
    """The messages one by one. `whole`: their octets are wanted, and are read together where several are small.

    In the event loop: a thread that unpacks hands the interpreter over at every message, and both wait for each other more
    than they gain. What cannot be read so, `Found.raw` says why.
    """
    for part in portions([row.size for row in rows]) if whole else (slice(None),):
        some = rows[part]
        small = [row.content_id for row in some if row.size <= INLINE] if whole else []
        read = await db.read(mailbox.raw_many, small) if len(small) > 1 else {}
        for row in some:
            yield Found(row, db, octets, read.get(row.content_id))


def portions(sizes: Sequence[int]) -> Iterator[slice]:
    """As many messages as may be read at once; those that are larger alone."""
    start = total = 0
    for at, size in enumerate(sizes):
        total += size
        if total > INLINE and at > start:
            yield slice(start, at)
            start, total = at, size
    yield slice(start, len(sizes))


# A literal may be as long as the message: it stays apart from what stands before it.
Literal = tuple[bytes, bytes]


# What was read of some messages, by name of `mailbox.COLUMNS`: a value for each of them.
Columns = Mapping[str, Sequence[Any]]


@dataclass(frozen=True, slots=True)
class Plain:
    """An answer made of the row at hand: for many messages at once, since clients ask for the flags of whole mailboxes."""

    form: bytes  # as % spells it, with one value
    names: tuple[str, ...]  # of the columns that `values` needs
    values: Callable[[Columns, View], Iterable[bytes | int]]

    def __call__(self, row: Fetched, view: View) -> bytes:
        (value,) = self.values({name: (getattr(row, name),) for name in self.names}, view)
        return self.form % value


# Of messages whose content has these ids, by id what can be had at once.
Kept = Callable[[Tx, Sequence[int]], Coroutine[Any, Any, dict[int, bytes]]]


@dataclass(frozen=True, slots=True)
class Bulk:
    """An answer that is a literal made of what is kept: for many messages at once, since clients fetch whole mailboxes."""

    label: bytes
    kept: Kept  # an operation of the database
    made: Callable[[bytes], bytes] | None = None  # what is told of it, if not all


@dataclass(frozen=True, slots=True)
class Answer:
    """How one item is answered: from the row at hand (`plain`), or by looking closer (`read`).

    `columns`: what has to be read with the row, names of `mailbox.COLUMNS`. `octets`: the whole message is needed, and is read
    before the response begins; other answers must not fail unless they are `early`, which are made before it begins too, or
    have a `check`, which is made then. `early` ones are held together, so they must be short. `bulk`: how the same answer is given
    for many messages at once, to be done for all where nothing stands in its way.
    """

    columns: frozenset[str] = frozenset()
    plain: Plain | None = None
    read: Callable[[Found], Awaitable[Literal]] | None = None
    check: Callable[[Found], Awaitable[None]] | None = None
    octets: bool = False
    early: bool = False
    again: bool = False  # it is a piece, and others will be asked for soon
    marks_seen: bool = False  # RFC 3501 §6.4.5: reading it sets \Seen
    bulk: Bulk | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """An item that is asked for by its name alone; `parse` is for names that may be followed by something."""

    name: str
    answer: Answer
    parse: fetch.Row = field(default=fetch.attribute)


def plain(name: str, answer: Plain) -> Item:
    """`columns` are those that are not of the message itself, which are always read."""
    return Item(name, Answer(frozenset(answer.names) - OWN_COLUMNS, plain=answer))
