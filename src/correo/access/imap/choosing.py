"""Which names the extended LIST tells, and what it says of each (RFC 5258 §3)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from correo.access.imap.folders import Named, parents
from correo.wire.imap.listing import Listing, Select

N = TypeVar("N", bound=Named)


@dataclass(frozen=True, slots=True)
class Chosen(Generic[N]):
    """`box`: None for a name that is no mailbox. `met`: it meets the criteria itself. `below`: other names below it do."""

    name: str
    attributes: tuple[str, ...]
    box: N | None
    met: bool
    below: bool


def choose(
    listing: Listing,
    boxes: Iterable[N],
    subscribed: Collection[str],
    matches: Callable[[str], bool],
    separator: str = "/",
) -> Iterator[Chosen[N]]:
    """Sorted by name, INBOX first. `subscribed` may be empty where the listing does not ask for subscriptions."""
    by_name = {box.name: box for box in boxes}
    subscriptions = frozenset(subscribed)
    with_children = frozenset(parents(by_name, separator))
    met = _met(listing, by_name, subscriptions, with_children)
    recursive = Select.RECURSIVEMATCH in listing.select
    above = frozenset(parents(met, separator)) if recursive else frozenset()
    candidates = {name for name in met | above if matches(name)}
    # RFC 5258 §3.3: a name that is told only for those below it is told only where one of those is not told itself.
    hidden = frozenset(parents(met - candidates, separator)) if recursive else frozenset()
    for name in sorted(candidates, key=lambda name: (name != "INBOX", name)):
        if name in met or name in hidden:
            box = by_name.get(name)
            attributes = [] if box else ["\\NonExistent"]
            attributes.append("\\HasChildren" if name in with_children else "\\HasNoChildren")
            if box and box.special_use:
                attributes.append(box.special_use)
            if listing.returned.subscribed and name in subscriptions:
                attributes.append("\\Subscribed")
            yield Chosen(name, tuple(attributes), box, name in met, name in above)


def _met(
    listing: Listing, by_name: Mapping[str, Named], subscribed: frozenset[str], with_children: frozenset[str]
) -> frozenset[str]:
    """The names that meet every criterion. Without one these are the mailboxes and the levels above them."""
    found: frozenset[str] | None = None
    for criterion in listing.criteria:
        if criterion is Select.SUBSCRIBED:
            names = subscribed  # whether they exist or not (RFC 5258 §3.1)
        else:
            names = frozenset(name for name, box in by_name.items() if box.special_use)
        found = names if found is None else found & names
    return with_children.union(by_name) if found is None else found
