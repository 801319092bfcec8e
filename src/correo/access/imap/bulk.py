"""FETCH of whole mailboxes, made column by column: the hot path, for what can be told without looking closer at each message."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

from correo import mailbox
from correo.access.imap.answers import NOTHING, Answer, Name
from correo.access.imap.items.fetch import Plan
from correo.access.imap.items.fetch.row import INLINE, Bulk, Columns, portions
from correo.access.imap.responses import PIECE
from correo.access.imap.selected import Selected
from correo.access.imap.tally import Tally
from correo.mailbox import OWN_COLUMNS
from correo.storage.db import Row

if TYPE_CHECKING:
    from correo.access.imap.session import ImapSession

# Of a message its UID, content id and size, and the values of what stands before the literal.
Line = tuple[int, int, int, tuple[bytes | int, ...]]
# How one message is answered that cannot be told in bulk.
Alone = Callable[[list[range]], AsyncGenerator[bytes, None]]


@dataclass(frozen=True, slots=True)
class InBulk:
    """One FETCH, as far as it is answered here. `backwards`: from the last message to the first."""

    session: ImapSession
    selected: Selected
    wanted: Plan
    tally: Tally
    alone: Alone
    backwards: bool

    async def responses(self, spans: list[range]) -> AsyncGenerator[bytes, None]:
        wanted, selected = self.wanted, self.selected
        kind = b"UIDFETCH" if selected.uid_only else b"FETCH"
        form = b"* %%d %b (%b" % (kind, b" ".join([answer.form for answer in wanted.plain]))
        if wanted.literal is not None:
            async for piece in self._with_literals(wanted.literal, spans, form):
                yield piece
            return
        form += b")\r\n"
        name = self._name(spans, form)
        answer = (
            await self._remembered(name, spans)
            if name
            else self._answer(await self._rows(spans), spans, form)
        )
        if wanted.tells_flags:
            yield selected.announced.news(answer.keywords)
        yield answer.octets

    # -- what is told of the row alone ---------------------------------------------------------------------------------

    def _name(self, spans: Sequence[range], form: bytes) -> Name | None:
        """None where it is not worth the memory, or is not the same for all who ask."""
        view = self.selected.view
        least = self.session.services.answers.least
        if len(spans) != 1 or len(spans[0]) < least or self.backwards or self.selected.reader:
            return None
        ((low, high),) = view.ranges(spans)
        recent = view.recent_alike(low, high)
        if recent is None or not OWN_COLUMNS.issuperset(self.wanted.names):
            return None
        return Name(self.selected.mailbox_id, form, spans[0].start, low, high, len(spans[0]), recent)

    async def _remembered(self, name: Name, spans: list[range]) -> Answer:
        services, names = self.session.services, self.wanted.names
        before = services.answers.get(name)
        modseq, rows = await services.db.read(
            mailbox.fetch_changed, name.mailbox_id, (name.low, name.high), names, before.modseq, name.messages
        )
        answer = (before if rows is None else self._answer(rows, spans, name.form))._replace(modseq=modseq)
        if rows is None or len(rows) == name.messages:
            services.answers.keep(name, answer)
        return answer

    async def _rows(self, spans: list[range]) -> list[Row]:
        selected = self.selected
        ranges = selected.view.ranges(spans)
        return await self.session.services.db.read(
            mailbox.fetch_columns, selected.mailbox_id, ranges, self.wanted.names, selected.reader
        )

    def _answer(self, rows: list[Row], spans: list[range], form: bytes) -> Answer:
        columns, values = self._values(rows, spans)
        if not rows:
            return NOTHING
        keywords = frozenset(columns["keywords"]) if self.wanted.tells_flags else frozenset[str]()
        return Answer(0, form * len(rows) % _in_turn(values, self.backwards), keywords)

    def _values(self, rows: list[Row], spans: list[range]) -> tuple[Columns, list[Sequence[bytes | int]]]:
        """The columns that were read, and those of the response, of which the first is the number or the UID."""
        view = self.selected.view
        complete = len(rows) == sum(map(len, spans))
        self.tally.missing |= not complete
        if not rows:
            return {}, []
        columns = dict(zip(self.wanted.names, zip(*rows, strict=True), strict=True))
        if self.selected.uid_only:
            numbers = list(columns["uid"])
        elif complete:
            numbers = list(chain.from_iterable(range(span.start + 1, span.stop + 1) for span in spans))
        else:
            numbers = [view.number(uid) for uid in columns["uid"]]
        return columns, [numbers, *(list(answer.values(columns, view)) for answer in self.wanted.plain)]

    # -- with a literal behind it --------------------------------------------------------------------------------------

    async def _with_literals(
        self, literal: Bulk, spans: list[range], form: bytes
    ) -> AsyncGenerator[bytes, None]:
        columns, values = self._values(await self._rows(spans), spans)
        if not columns:
            return
        if self.wanted.tells_flags:
            yield self.selected.announced.news(set(columns["keywords"]))
        told = zip(*values, strict=True)
        lines = list(zip(columns["uid"], columns["content_id"], columns["size"], told, strict=True))
        if self.backwards:
            lines.reverse()
        form += (b" " if self.wanted.plain else b"") + literal.label.replace(b"%", b"%%") + b"{%d}\r\n"
        for part in portions([line[2] for line in lines]) if self.wanted.octets else (slice(None),):
            async with aclosing(self._lines(literal, lines[part], form)) as pieces:
                async for piece in pieces:
                    yield piece

    async def _lines(self, literal: Bulk, lines: Sequence[Line], form: bytes) -> AsyncGenerator[bytes, None]:
        """What is large, cannot be read, or cannot be sent as it is kept, goes the way of what is read one by one."""
        wanted = [line[1] for line in lines if line[2] <= INLINE or not self.wanted.octets]
        found = await self.session.services.db.read(literal.kept, wanted) if wanted else {}
        held: list[bytes] = []
        size = 0
        for uid, content_id, _, values in lines:
            octets = found.get(content_id)
            if octets is None or b"\0" in octets:
                yield b"".join(held)
                held, size = [], 0
                async with aclosing(self.alone(self.selected.view.runs([uid]))) as pieces:
                    async for piece in pieces:
                        yield piece
                continue
            if literal.made:
                octets = literal.made(octets)
            head = form % (*values, len(octets))
            length = len(head) + len(octets) + 3
            if size + length > PIECE:
                yield b"".join(held)
                held, size = [], 0
            held += (head, octets, b")\r\n")
            size += length
        yield b"".join(held)


def _in_turn(columns: Sequence[Sequence[bytes | int]], backwards: bool) -> tuple[bytes | int, ...]:
    """Row by row what stands in the columns."""
    width = len(columns)
    values: list[bytes | int] = [0] * (width * len(columns[0]))
    for at, column in enumerate(columns):
        values[at::width] = column[::-1] if backwards else column
    return tuple(values)
