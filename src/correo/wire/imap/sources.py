"""Which mailboxes a command is about that is not about one (RFC 5465 §8 `filter-mailboxes`, as RFC 7377 §4 has it)."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from correo.wire.imap.grammar import Arguments, SyntaxFault

MAX_SOURCES = 1_000  # named in one command; a client that means more says `personal`

_ALONE = ("SELECTED", "INBOXES", "PERSONAL", "SUBSCRIBED")
_NAMED = ("SUBTREE", "SUBTREE-ONE", "MAILBOXES")


class Source(NamedTuple):
    """`what` in capitals; `names` of SUBTREE, SUBTREE-ONE and MAILBOXES."""

    what: str
    names: tuple[str, ...] = ()


def read_sources(args: Arguments) -> tuple[Source, ...]:
    """`["IN" SP "(" filter-mailboxes *(SP filter-mailboxes) ")" SP]`; SELECTED where there is nothing. Raises SyntaxFault."""
    if not args.take_word("IN"):
        return (Source("SELECTED"),)
    found = tuple(args.sp().paren_list(read_source))
    args.sp()
    if sum(len(source.names) for source in found) + len(found) > MAX_SOURCES:
        raise SyntaxFault(f"more than {MAX_SOURCES} mailboxes")
    return found


def read_source(args: Arguments, alone: Collection[str] = _ALONE) -> Source:
    """One `filter-mailboxes`; `alone`: the choices that need no name. Raises SyntaxFault."""
    what = args.word()
    if what in alone:
        return Source(what)
    if what not in _NAMED:
        raise SyntaxFault("there is no such choice of mailboxes")
    if args.sp().peek(b"("):
        return Source(what, tuple(args.paren_list(Arguments.mailbox)))
    return Source(what, (args.mailbox(),))
