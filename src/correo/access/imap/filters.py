"""Searches that a client has given a name: annotations of the server, which FILTER in a search stands for (RFC 5466)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from correo.access.imap.annotations import of_server
from correo.access.imap.responses import Completion, Responses, Status
from correo.wire.imap.grammar import MAX_DEPTH, Arguments, SyntaxFault
from correo.wire.imap.search import (
    MAX_KEYS,
    And,
    Filter,
    Fuzzy,
    Key,
    Not,
    Or,
    filter_name,
    mentions,
    search_keys,
)
from correo.wire.imap.types import SequenceSet

if TYPE_CHECKING:
    from correo.access.imap.session import ImapSession

# The private one comes before the shared one (RFC 5466 §3.2).
VALUES = ("/private/filters/values/", "/shared/filters/values/")

MAX_PASSES = 10  # filters that stand in each other; RFC 5466 §3.1 wants 3 at least


def storable(entry: str, value: bytes | None) -> bool:
    """Whether an annotation of the server that would be a filter is one: a whole search, in UTF-8 (RFC 5466 §3.2)."""
    root = next((root for root in VALUES if entry.startswith(root)), None)
    if root is None or value is None:
        return True
    try:
        name = Arguments(entry.removeprefix(root).encode())
        filter_name(name)
        name.end()
        search_keys(Arguments(value, utf8=True))
    except SyntaxFault:
        return False
    return True


def with_filters(run: Callable[[ImapSession, Any], Responses]) -> Callable[[ImapSession, Any], Responses]:
    """The same command, given what the filters in its `key` stand for."""

    async def resolving(session: ImapSession, request: Any) -> Responses:
        key = getattr(request, "key", None)
        if key is not None and mentions(key, Filter):
            try:
                request = request._replace(key=await _resolved(session, key))
            except SyntaxFault as fault:
                results = getattr(request, "results", None)
                saves = fault.status == "NO" and results is not None and "SAVE" in results
                if saves and session.selected is not None:
                    session.selected.view.saved = SequenceSet()  # RFC 5182 §2.1
                yield Completion(Status(fault.status), fault.reason, fault.code)
                return
        async with aclosing(run(session, request)) as responses:
            async for response in responses:
                yield response

    return resolving


async def _resolved(session: ImapSession, key: Key) -> Key:
    held = await session.services.db.read(of_server, session.owner.id)
    core = session.core

    def read(value: bytes) -> Key:
        return search_keys(Arguments(value, utf8=True, rev2=core.rev2, uid_only=core.uid_only))

    return Resolution(held, read).of(key)


class Resolution:
    """What stands for the filters of one search. `read` raises SyntaxFault for what is no search here."""

    def __init__(self, held: Mapping[str, bytes], read: Callable[[bytes], Key]) -> None:
        self._held = held
        self._read = read
        self._keys: dict[str, Key] = {}
        self._count = 0

    def of(self, key: Key) -> Key:
        """Raises SyntaxFault: UNDEFINED-FILTER, or when it grows too large."""
        return self._of(key, 0, ())

    def _of(self, key: Key, depth: int, inside: tuple[str, ...]) -> Key:
        self._count += 1
        if self._count > MAX_KEYS or depth > MAX_DEPTH:
            raise SyntaxFault("with its filters the search is too large", status="NO", code="LIMIT")
        match key:
            case And(keys):
                return And(tuple(self._of(part, depth + 1, inside) for part in keys))
            case Or(keys):
                return Or(tuple(self._of(part, depth + 1, inside) for part in keys))
            case Not(inner):
                return Not(self._of(inner, depth + 1, inside))
            case Fuzzy(inner):
                return Fuzzy(self._of(inner, depth + 1, inside))
            case Filter(name):
                folded = name.lower()
                if folded in inside or len(inside) == MAX_PASSES:
                    raise _undefined(name)
                return self._of(self._named(name), depth + 1, (*inside, folded))
        return key

    def _named(self, name: str) -> Key:
        folded = name.lower()
        if folded not in self._keys:
            value = next((self._held[root + folded] for root in VALUES if root + folded in self._held), None)
            if value is None:
                raise _undefined(name)
            try:
                self._keys[folded] = self._read(value)
            except SyntaxFault as fault:
                if fault.code:  # it says better why it is not for this client: UIDREQUIRED
                    raise
                raise _undefined(name) from None
        return self._keys[folded]


def _undefined(name: str) -> SyntaxFault:
    return SyntaxFault("There is no such filter", status="NO", code=f"UNDEFINED-FILTER {name}")
