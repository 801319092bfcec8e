"""What changed between two looks at all mailboxes of a client, and how NOTIFY tells it (RFC 5465 §5). Pure.

What a client did itself is not among what happened, and so is not told (RFC 5465 §5).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from correo.access.imap.folders import parents
from correo.access.imap.namespaces import canonical, foreign, reserved
from correo.mailbox import ACCOUNT, INBOX, SEPARATOR, What
from correo.wire.imap import encode
from correo.wire.imap.notify import Event, Group
from correo.wire.imap.status import StatusItem


class Spot(NamedTuple):
    """A mailbox at one moment. `notes`: its annotations, values as something that differs where they do."""

    id: int
    account_id: int
    name: str  # as this client sees it
    readable: bool  # RFC 5465 §5: events need the rights "l" and "r", and without "l" it would not be here
    uidvalidity: int
    uidnext: int
    messages: int
    unseen: int
    modseq: int
    special_use: str
    notes: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Sight:
    """All that one look saw; `noted`: about the server. `modseqs`: of the accounts that were looked at."""

    spots: Mapping[int, Spot] = field(default_factory=dict)
    subscribed: frozenset[str] = frozenset()
    noted: Mapping[str, int] = field(default_factory=dict)
    modseqs: Mapping[int, int] = field(default_factory=dict)


Happened = Mapping[int, frozenset[What]]  # by mailbox, and by ACCOUNT what is of the account itself

_NOTHING: frozenset[What] = frozenset()
_NUMBERS = frozenset({What.APPEND, What.EXPUNGE})
_FLAGS = frozenset({What.FLAGS, What.SEEN})


class Filter:
    """The events that are wanted of each mailbox: of several groups those of all, of one with NONE no others (RFC 5465 §6).

    What one name asks for costs a look at each level above it, however many groups and names the client has thought of.
    """

    def __init__(self, groups: Iterable[Group]) -> None:
        # By INBOXES and such choices; and by MAILBOXES and such, with a name.
        self._choices: dict[str, set[frozenset[Event]]] = {}
        self._named: dict[tuple[str, str], set[frozenset[Event]]] = {}
        for group in groups:
            what = group.source.what
            if not group.source.names:
                self._choices.setdefault(what, set()).add(group.events)
            for name in group.source.names:
                self._named.setdefault((what, canonical(name)), set()).add(group.events)
        every = [*self._choices.values(), *self._named.values()]
        self.all = frozenset[Event]().union(*(events for found in every for events in found))

    def of(self, name: str, subscribed: Collection[str]) -> frozenset[Event]:
        """A name may also be that of a level, or of a mailbox that is no more."""
        wanted = set[Event]()
        for events in self._groups(name, subscribed):
            if not events:
                return frozenset()
            wanted |= events
        return frozenset(wanted)

    def _groups(self, name: str, subscribed: Collection[str]) -> Iterator[frozenset[Event]]:
        for what, found in self._choices.items():
            if _matches(what, name, subscribed):
                yield from found
        if not self._named:
            return
        above = name.rpartition(SEPARATOR)[0]
        keys = [("MAILBOXES", name), ("SUBTREE-ONE", name), ("SUBTREE-ONE", above)]
        keys += (("SUBTREE", level) for level in (name, *parents((name,), SEPARATOR)))
        for key in keys:
            yield from self._named.get(key, ())


def _matches(what: str, name: str, subscribed: Collection[str]) -> bool:
    match what:
        case "INBOXES":
            return name == INBOX
        case "PERSONAL":
            return not reserved(name)
    return name in subscribed


class Comparison:
    """`selected`: the id of the mailbox of which the messages are told otherwise, 0 for none."""

    def __init__(
        self,
        before: Sight,
        after: Sight,
        happened: Happened,
        wanted: Filter,
        selected: int,
        *,
        condstore: bool,
        utf8: bool,
    ) -> None:
        self._before = before
        self._after = after
        self._happened = happened
        self._filter = wanted
        self._selected = selected
        self._condstore = condstore
        self._utf8 = utf8
        self._subscribed = before.subscribed | after.subscribed
        self._names = {spot.name: spot for spot in after.spots.values()}
        self._names_before = {spot.name: spot for spot in before.spots.values()}

    def told(self) -> list[bytes]:
        """Untagged responses: names first, so that what follows is about names the client has heard of."""
        return [*self._listed(), *self._numbers(), *self._noted()]

    def _wants(self, event: Event, *names: str) -> bool:
        return any(event in self._filter.of(name, self._subscribed) for name in names)

    # -- names --------------------------------------------------------------------------------------------------------

    def _listed(self) -> Iterator[bytes]:
        """One LIST for each name, however much happened to it."""
        if not self._filter.all & {Event.MAILBOX_NAME, Event.SUBSCRIPTION_CHANGE}:
            return
        affected = dict.fromkeys((*self._changed_names(), *self._changed_subscriptions()), "")
        affected |= self._renamed()
        if not affected:
            return
        with_children = frozenset(parents(self._names, SEPARATOR))
        for name in sorted(affected, key=lambda name: (name != INBOX, name)):
            yield self._list(name, affected[name], name in with_children)

    def _changed_names(self) -> Iterator[str]:
        """Of mailboxes that came and went, and of the levels right above them (RFC 5465 §5.4)."""
        before, after = self._before.spots, self._after.spots
        for spot in (*before.values(), *after.values()):
            if (spot.id in before) is not (spot.id in after) and self._happened.get(spot.id):
                above = spot.name.rpartition(SEPARATOR)[0]
                yield from (
                    name for name in (spot.name, above) if name and self._wants(Event.MAILBOX_NAME, name)
                )

    def _renamed(self) -> dict[str, str]:
        """New names and the old ones; what moved with a mailbox above it is not told (RFC 5465 §5.4)."""
        pairs = {
            spot.name: old
            for spot in self._after.spots.values()
            if self._happened.get(spot.id) and (old := self._old_name(spot)) not in ("", spot.name)
        }
        return {
            new: old
            for new, old in pairs.items()
            if not _moved_along(new, old, pairs) and self._wants(Event.MAILBOX_NAME, new, old)
        }

    def _old_name(self, spot: Spot) -> str:
        """ "" for none: INBOX keeps its name, and what its messages are moved to is a new mailbox."""
        if old := self._before.spots.get(spot.id):
            return old.name
        if What.INBOX not in self._happened.get(spot.id, _NOTHING):
            return ""
        same_account = (one.name for one in self._before.spots.values() if one.account_id == spot.account_id)
        return next((name for name in same_account if _is_inbox(name)), "")

    def _changed_subscriptions(self) -> Iterator[str]:
        if What.SUBSCRIBE in self._happened.get(ACCOUNT, _NOTHING):
            for name in self._before.subscribed ^ self._after.subscribed:
                if self._wants(Event.SUBSCRIPTION_CHANGE, name):
                    yield name

    def _list(self, name: str, old: str, has_children: bool) -> bytes:
        spot = self._names.get(name)
        attributes = [] if spot else ["\\NonExistent"]
        if not spot and (was := self._names_before.get(name)):
            happened = self._happened.get(was.id, _NOTHING)
            if What.ACL in happened and What.DELETE not in happened:  # RFC 5465 §5.9
                attributes.append("\\NoAccess")
        attributes += _attributes(self._after, name, spot, has_children)
        old_name = encode.quote("OLDNAME") + b" " + encode.parens([encode.mailbox(old, utf8=self._utf8)])
        extended = (old_name,) if old else ()
        return encode.list_response("LIST", attributes, SEPARATOR, name, extended=extended, utf8=self._utf8)

    # -- numbers ------------------------------------------------------------------------------------------------------

    def _numbers(self) -> Iterator[bytes]:
        for spot in self._after.spots.values():
            if spot.id == self._selected or not spot.readable:
                continue
            happened = self._happened.get(spot.id, _NOTHING)
            if happened and (items := self._items(spot, happened)):
                yield encode.status_response(spot.name, numbers(spot, items), utf8=self._utf8)

    def _items(self, spot: Spot, happened: frozenset[What]) -> set[StatusItem]:
        """What RFC 5465 §5.1 to §5.3 want told; nothing where there is no need."""
        events = self._filter.of(spot.name, self._subscribed)
        if Event.MESSAGE_NEW not in events:
            return set()
        known = self._known(spot)
        was = known or self._names_before.get(spot.name) or spot._replace(uidnext=1, messages=0, unseen=0)
        items: set[StatusItem] = set()
        numbered = known is None or happened & _NUMBERS
        if numbered and (was.uidnext, was.messages) != (spot.uidnext, spot.messages):
            items |= {StatusItem.MESSAGES, StatusItem.UIDNEXT}
        if Event.FLAG_CHANGE in events:
            if known is None:
                items |= {StatusItem.MESSAGES, StatusItem.UIDNEXT, StatusItem.UNSEEN}
            if was.unseen != spot.unseen and happened & (_NUMBERS | _FLAGS):
                items.add(StatusItem.UNSEEN)
            if items or (self._condstore and happened & _FLAGS):
                items.add(StatusItem.UIDVALIDITY)
        if items and self._condstore:
            items.add(StatusItem.HIGHESTMODSEQ)
        return items

    def _known(self, spot: Spot) -> Spot | None:
        """As it was when the client was told of it last; None where it is another under that name, or was not watched till now."""
        old, named = self._before.spots.get(spot.id), self._names_before.get(spot.name)
        if old is None or (named is not None and named.id != spot.id):
            return None
        followed = old.name == spot.name or Event.MESSAGE_NEW in self._filter.of(old.name, self._subscribed)
        return old if followed else None

    # -- annotations --------------------------------------------------------------------------------------------------

    def _noted(self) -> Iterator[bytes]:
        for spot in self._after.spots.values():
            was = self._before.spots.get(spot.id)
            happened = self._happened.get(spot.id, _NOTHING)
            noted = spot.readable and happened & {What.METADATA, What.USE}
            if noted and self._wants(Event.MAILBOX_METADATA_CHANGE, spot.name):
                yield from self._notes(spot.name, was.notes if was else {}, spot.notes)
        of_server = What.METADATA in self._happened.get(ACCOUNT, _NOTHING)
        if of_server and Event.SERVER_METADATA_CHANGE in self._filter.all:
            yield from self._notes("", self._before.noted, self._after.noted)

    def _notes(self, name: str, before: Mapping[str, int], after: Mapping[str, int]) -> Iterator[bytes]:
        """The names of the entries without their values (RFC 5464 §4.4.2)."""
        changed = sorted(entry for entry in {**before, **after} if before.get(entry) != after.get(entry))
        if changed:
            mailbox = encode.mailbox(name, utf8=self._utf8)
            yield encode.untagged(b"METADATA", mailbox, *map(encode.astring, changed))


def _is_inbox(name: str) -> bool:
    about = foreign(name)
    return (about.name if about else name) == INBOX


def _moved_along(new: str, old: str, pairs: Mapping[str, str]) -> bool:
    """Whether a mailbox above it was renamed from above the old name, and nothing below has changed."""
    for above in parents((new,), SEPARATOR):
        was = pairs.get(above)
        if was is not None and old == was + new[len(above) :]:
            return True
    return False


_ORDER = (
    StatusItem.MESSAGES,
    StatusItem.UIDNEXT,
    StatusItem.UIDVALIDITY,
    StatusItem.UNSEEN,
    StatusItem.HIGHESTMODSEQ,
)


def numbers(spot: Spot, items: Collection[StatusItem]) -> dict[str, int | str]:
    values = (spot.messages, spot.uidnext, spot.uidvalidity, spot.unseen, spot.modseq)
    return {item.value: value for item, value in zip(_ORDER, values, strict=True) if item in items}


def _attributes(sight: Sight, name: str, spot: Spot | None, has_children: bool) -> Iterator[str]:
    yield "\\HasChildren" if has_children else "\\HasNoChildren"
    if spot and spot.special_use:
        yield spot.special_use
    if name in sight.subscribed:
        yield "\\Subscribed"


def barred(sight: Sight, wanted: Filter, *, utf8: bool) -> Iterator[bytes]:
    """LIST of every mailbox that is to be watched and may be seen, but not read (RFC 5465 §3.1)."""
    with_children = frozenset(parents((spot.name for spot in sight.spots.values()), SEPARATOR))
    for spot in sight.spots.values():
        if not spot.readable and wanted.of(spot.name, sight.subscribed):
            known = _attributes(sight, spot.name, spot, spot.name in with_children)
            yield encode.list_response("LIST", ["\\NoAccess", *known], SEPARATOR, spot.name, utf8=utf8)


def standing(sight: Sight, wanted: Filter, selected: int, *, utf8: bool) -> Iterator[bytes]:
    """STATUS of every mailbox whose messages are watched, for NOTIFY SET STATUS (RFC 5465 §3.1)."""
    for spot in sight.spots.values():
        events = wanted.of(spot.name, sight.subscribed)
        if spot.id == selected or not spot.readable or Event.MESSAGE_NEW not in events:
            continue
        items = {StatusItem.MESSAGES, StatusItem.UIDNEXT, StatusItem.UIDVALIDITY}
        if Event.FLAG_CHANGE in events:
            items |= {StatusItem.UNSEEN, StatusItem.HIGHESTMODSEQ}
        yield encode.status_response(spot.name, numbers(spot, items), utf8=utf8)
