"""The tree that LIST shows: every mailbox, and the levels above them that are none themselves (RFC 3501 §6.3.8)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol


class Named(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def special_use(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Folder:
    name: str
    attributes: tuple[str, ...]  # RFC 3501 §7.2.2, RFC 3348, RFC 6154


def tree(mailboxes: Iterable[Named], separator: str = "/") -> Iterator[Folder]:
    """Sorted by name, INBOX first."""
    uses = {box.name: box.special_use for box in mailboxes}
    with_children = set(parents(uses, separator))
    for name in sorted(uses.keys() | with_children, key=lambda name: (name != "INBOX", name)):
        attributes = [] if name in uses else ["\\Noselect"]
        attributes.append("\\HasChildren" if name in with_children else "\\HasNoChildren")
        if use := uses.get(name):
            attributes.append(use)
        yield Folder(name, tuple(attributes))


def parents(names: Iterable[str], separator: str = "/") -> Iterator[str]:
    """Every level above each name; the same one may come several times."""
    for name in names:
        at = name.rfind(separator)
        while at > 0:
            yield name[:at]
            at = name.rfind(separator, 0, at)
