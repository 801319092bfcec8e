"""People and programs of this machine, who come by a local socket: the kernel says who they are, so nobody asks for a password."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from correo.mail.address import Address

ANYBODY = "*"  # in place of a user: each one; in place of a name: every address
SEPARATOR = "+"


@dataclass(frozen=True, slots=True)
class LocalSenders:
    """Who may send under which names. Everybody has his own in `domains`; `granted` gives more: addresses, `@domain`, or `*`."""

    domains: frozenset[str] = frozenset()  # in comparison form
    granted: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # by user; folded addresses
    name: Callable[[int], str] = str  # of a uid; of one that has no name, the number in digits

    def own(self, user: str, sender: Address) -> str:
        """The user's own address (folded) where `sender` is that, with a tag or without; else ""."""
        own, _, _ = sender.user.partition(SEPARATOR)
        return f"{own}@{sender.host}" if sender.host in self.domains and own == user.lower() else ""

    def allows(self, user: str, sender: Address) -> bool:
        if self.own(user, sender):
            return True
        names = (*self.granted.get(user, ()), *self.granted.get(ANYBODY, ()))
        return any(name in (ANYBODY, sender.folded, f"@{sender.host}") for name in names)
