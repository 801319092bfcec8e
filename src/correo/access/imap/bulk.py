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
class OfRows:
    """What is told of the rows of messages alone. `backwards`: from the last message to the first."""

    session: ImapSession
    selected: Selected
    wanted: Plan
    tally: Tally
    backwards: bool = False

    @property
    def form(self) -> bytes:
        """Of a response, as % spells it, up to its last value."""
        kind = b"UIDFETCH" if self.selected.uid_only else b"FETCH"
        return b"* %%d %b (%b" % (kind, b" ".join([answer.form for answer in self.wanted.plain]))

    async def read(self, spans: list[range]) -> list[Row]:
        selected = self.selected
        ranges = selected.view.ranges(spans)
        return await self.session.services.db.read(
            mailbox.fetch_columns, selected.mailbox_id, ranges, self.wanted.names, selected.reader
        )

    def answer(self, rows: list[Row], spans: list[range], form: bytes) -> Answer:
        columns, values = self.values(rows, spans)
        if not rows:
            return NOTHING
        keywords = frozenset(columns["keywords"]) if self.wanted.tells_flags else frozenset[str]()
        return Answer(0, form * len(rows) % _in_turn(values, self.backwards), keywords)

    async def responses(self, spans: list[range]) -> bytes:
        """Those to messages that are told with their flags, and before them the flags that the client must know."""
        answer = self.answer(await self.read(spans), spans, self.form + b")\r\n")
        return self.selected.announced.news(answer.keywords) + answer.octets

    def values(self, rows: list[Row], spans: list[range]) -> tuple[Columns, list[Sequence[bytes | int]]]:
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


@dataclass(frozen=True, slots=True)
class InBulk:
    """One FETCH, as far as it is answered here."""

    of_rows: OfRows
    alone: Alone

    async def responses(self, spans: list[range]) -> AsyncGenerator[bytes, None]:
        wanted, form = self.of_rows.wanted, self.of_rows.form
        if wanted.literal is not None:
            async for piece in self._with_literals(wanted.literal, spans, form):
                yield piece
            return
        form += b")\r\n"
        name = self._name(spans, form)
        answer = (
            await self._remembered(name, spans)
            if name
            else self.of_rows.answer(await self.of_rows.read(spans), spans, form)
        )
        if wanted.tells_flags:
            yield self.of_rows.selected.announced.news(answer.keywords)
        yield answer.octets

    # -- what is told of the row alone ---------------------------------------------------------------------------------

    def _name(self, spans: Sequence[range], form: bytes) -> Name | None:
        """None where it is not worth the memory, or is not the same for all who ask."""
        selected, wanted = self.of_rows.selected, self.of_rows.wanted
        view = selected.view
        least = self.of_rows.session.services.answers.least
        if len(spans) != 1 or len(spans[0]) < least or self.of_rows.backwards or selected.reader:
            return None
        ((low, high),) = view.ranges(spans)
        recent = view.recent_alike(low, high)
        if recent is None or not OWN_COLUMNS.issuperset(wanted.names):
            return None
        return Name(selected.mailbox_id, form, spans[0].start, low, high, len(spans[0]), recent)

    async def _remembered(self, name: Name, spans: list[range]) -> Answer:
        services, names = self.of_rows.session.services, self.of_rows.wanted.names
        before = services.answers.get(name)
        modseq, rows = await services.db.read(
            mailbox.fetch_changed, name.mailbox_id, (name.low, name.high), names, before.modseq, name.messages
        )
        answer = before if rows is None else self.of_rows.answer(rows, spans, name.form)
        answer = answer._replace(modseq=modseq)
        if rows is None or len(rows) == name.messages:
            services.answers.keep(name, answer)
        return answer

    # -- with a literal behind it --------------------------------------------------------------------------------------

    async def _with_literals(
        self, literal: Bulk, spans: list[range], form: bytes
    ) -> AsyncGenerator[bytes, None]:
        wanted = self.of_rows.wanted
        columns, values = self.of_rows.values(await self.of_rows.read(spans), spans)
        if not columns:
            return
        if wanted.tells_flags:
            yield self.of_rows.selected.announced.news(set(columns["keywords"]))
        told = zip(*values, strict=True)
        lines = list(zip(columns["uid"], columns["content_id"], columns["size"], told, strict=True))
        if self.of_rows.backwards:
            lines.reverse()
        form += (b" " if wanted.plain else b"") + literal.label.replace(b"%", b"%%") + b"{%d}\r\n"
        for part in portions([line[2] for line in lines]) if wanted.octets else (slice(None),):
            async with aclosing(self._lines(literal, lines[part], form)) as pieces:
                async for piece in pieces:
                    yield piece

    async def _lines(self, literal: Bulk, lines: Sequence[Line], form: bytes) -> AsyncGenerator[bytes, None]:
        """What is large, cannot be read, or cannot be sent as it is kept, goes the way of what is read one by one."""
        services, octets_wanted = self.of_rows.session.services, self.of_rows.wanted.octets
        wanted = [line[1] for line in lines if line[2] <= INLINE or not octets_wanted]
        found = await services.db.read(literal.kept, wanted) if wanted else {}
        held: list[bytes] = []
        size = 0
        for uid, content_id, _, values in lines:
            octets = found.get(content_id)
            if octets is None or b"\0" in octets:
                yield b"".join(held)
                held, size = [], 0
                async with aclosing(self.alone(self.of_rows.selected.view.runs([uid]))) as pieces:
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
