"""What FETCH can be asked for, a row each: `ITEMS` by name, `SECTIONS` by the type of what stands in brackets.

A new item is a row here; one with a grammar of its own is a parser beside it as well.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any

from correo.access.imap.items.fetch import attributes, decoded, sections
from correo.access.imap.items.fetch.row import Answer, Bulk, Found, Item, Literal, Plain
from correo.wire.imap import fetch
from correo.wire.imap.fetch import Attribute, BinarySection, BodySection, FetchItem

ITEMS: dict[str, Item] = {item.name: item for item in attributes.ITEMS}

SECTIONS: dict[type[Any], Callable[[Any], Answer]] = {
    BodySection: sections.answer,
    BinarySection: decoded.answer,
}

PARSERS: dict[str, fetch.Row] = {**fetch.ROWS, **{item.name: item.parse for item in ITEMS.values()}}

# What CAPABILITY says of the items here that are not those of RFC 3501.
CAPABILITIES = ("SAVEDATE", "OBJECTID", "PREVIEW", "BINARY")

_UID = Attribute("UID")


@dataclass(frozen=True, slots=True)
class Plan:
    """What one FETCH does for each message: `plain` from the row, then `early`, then `late` one after the other.

    `checks` raise Refused where one of those could not be answered. Where nothing has to be marked, what is
    `in_bulk` may be told of many messages at once instead: `plain`, and behind it `literal`, if there is one.
    """

    columns: frozenset[str]
    plain: tuple[Plain, ...]
    names: tuple[str, ...]  # columns that those need
    checks: tuple[Callable[[Found], Awaitable[None]], ...]
    early: tuple[Callable[[Found], Awaitable[Literal]], ...]
    late: tuple[Callable[[Found], Awaitable[Literal]], ...]
    octets: bool
    again: bool
    marks_seen: bool
    tells_flags: bool
    literal: Bulk | None
    in_bulk: bool


def plan(items: Iterable[FetchItem], *, uid: bool) -> Plan:
    """`uid`: the answer to a UID command always has the UID (RFC 3501 §6.4.8)."""
    wanted = list(items)
    if uid and _UID not in wanted:
        wanted.insert(0, _UID)
    answers = [_answer(item) for item in wanted]
    plain = tuple(answer.plain for answer in answers if answer.plain)
    closer = [answer for answer in answers if not answer.plain]
    literal = closer[0].bulk if len(closer) == 1 else None
    own = {"content_id", "size"} if literal else set()
    return Plan(
        columns=frozenset().union(*(answer.columns for answer in answers)),
        plain=plain,
        names=("uid", *sorted(own.union(*(answer.names for answer in plain)) - {"uid"})),
        checks=tuple(answer.check for answer in answers if answer.check),
        early=tuple(answer.read for answer in answers if answer.read and answer.early),
        late=tuple(answer.read for answer in answers if answer.read and not answer.early),
        octets=any(answer.octets for answer in answers),
        again=any(answer.again for answer in answers),
        marks_seen=any(answer.marks_seen for answer in answers),
        tells_flags=Attribute("FLAGS") in wanted,
        literal=literal,
        in_bulk=literal is not None or not closer,
    )


def _answer(item: FetchItem) -> Answer:
    return ITEMS[item.name].answer if isinstance(item, Attribute) else SECTIONS[type(item)](item)
