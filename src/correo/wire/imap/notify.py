"""NOTIFY: which events of which mailboxes a client is told without asking (RFC 5465 §8)."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import NamedTuple

from correo.wire.imap.fetch import FetchItem, Row, fetch_items
from correo.wire.imap.grammar import Arguments, SyntaxFault
from correo.wire.imap.sources import MAX_SOURCES, Source, read_source

MAX_GROUPS = 100  # of events in one command; a client has use for some few

_SELECTED = ("SELECTED", "SELECTED-DELAYED")
_ALONE = (*_SELECTED, "INBOXES", "PERSONAL", "SUBSCRIBED")


class Event(Enum):
    """Those that are told, spelled as BADEVENT tells them."""

    MESSAGE_NEW = "MessageNew"
    MESSAGE_EXPUNGE = "MessageExpunge"
    FLAG_CHANGE = "FlagChange"
    MAILBOX_NAME = "MailboxName"
    SUBSCRIPTION_CHANGE = "SubscriptionChange"
    MAILBOX_METADATA_CHANGE = "MailboxMetadataChange"
    SERVER_METADATA_CHANGE = "ServerMetadataChange"


MESSAGE_EVENTS = frozenset({Event.MESSAGE_NEW, Event.MESSAGE_EXPUNGE, Event.FLAG_CHANGE})

_BY_NAME = {event.value.upper(): event for event in Event}
_SUPPORTED = " ".join(event.value for event in Event)


class Group(NamedTuple):
    """`events`: empty for NONE. `items`: what is told of a new message in the mailbox that is selected."""

    source: Source
    events: frozenset[Event]
    items: tuple[FetchItem, ...] = ()

    @property
    def of_selected(self) -> bool:
        return self.source.what in _SELECTED


class Notify(NamedTuple):
    """`groups`: none for NOTIFY NONE. `status`: how the mailboxes stand now is told at once."""

    groups: tuple[Group, ...]
    status: bool = False


def notify(args: Arguments, rows: Mapping[str, Row]) -> Notify:
    """The arguments of NOTIFY; `rows`: of the items that FETCH knows. Raises SyntaxFault."""
    if args.sp().take_word("NONE"):
        return Notify(())
    if not args.take_word("SET"):
        raise SyntaxFault("SET or NONE is missing")
    status = args.sp().take_word("STATUS")
    if status:
        args.sp()
    groups = [_group(args, rows)]
    while args.take(b" "):
        groups.append(_group(args, rows))
    named = sum(len(group.source.names) for group in groups)
    if len(groups) > MAX_GROUPS or named > MAX_SOURCES:
        raise SyntaxFault("that is too much to watch", status="NO", code="NOTIFICATIONOVERFLOW")
    if sum(group.of_selected for group in groups) > 1:  # RFC 5465 §6.1
        raise SyntaxFault("the selected mailbox is named once at most")
    return Notify(tuple(groups), status)


def _group(args: Arguments, rows: Mapping[str, Row]) -> Group:
    args.expect(b"(")
    source = read_source(args, _ALONE)
    args.sp()
    items: list[FetchItem] = []

    def event(args: Arguments) -> Event:
        found = _BY_NAME.get(args.atom().upper())
        if found is None:  # whether others know it, as AnnotationChange, or nobody does (RFC 5465 §3.1)
            raise SyntaxFault("such events are not told", status="NO", code=f"BADEVENT ({_SUPPORTED})")
        if found is Event.MESSAGE_NEW and args.peek(b" ("):
            items.extend(fetch_items(args.sp(), rows))
        return found

    events = frozenset() if args.take_word("NONE") else frozenset(args.paren_list(event))
    args.expect(b")")
    group = Group(source, events, tuple(items))
    _check(group)
    return group


def _check(group: Group) -> None:
    """RFC 5465 §5, §6.1, §8."""
    new, gone = Event.MESSAGE_NEW in group.events, Event.MESSAGE_EXPUNGE in group.events
    if new is not gone or (Event.FLAG_CHANGE in group.events and not new):
        raise SyntaxFault("MessageNew and MessageExpunge go together, and FlagChange with both")
    if group.of_selected and not group.events <= MESSAGE_EVENTS:
        raise SyntaxFault("of the selected mailbox only events of messages are told so")
    if group.items and not group.of_selected:
        raise SyntaxFault("what is told of a new message is chosen for the selected mailbox alone")
