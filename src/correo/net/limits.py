"""How many connections, in all and from one network, and how many octets of mail in the air."""

from __future__ import annotations

import ipaddress
from collections import Counter
from functools import lru_cache


@lru_cache(maxsize=4096)
def network_of(address: str) -> str:
    """Whom a limit by address is for: an IPv4 address, an IPv6 /64, "" for loopback and local sockets (no limit)."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return ""
    if parsed.is_loopback:
        return ""
    if isinstance(parsed, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)


class ConnectionLimits:
    """Counts the connections that are open. `total` bounds them all, `by_network` those of one network."""

    def __init__(self, total: int, by_network: int) -> None:
        self.total = total
        self.by_network = by_network
        self.open = 0
        self._networks: Counter[str] = Counter()

    def enter(self, address: str) -> bool:
        """Whether one more from `address` may come in; if so it counts until `leave`."""
        network = network_of(address)
        if not self.has_room(network, self.total, self.by_network):
            return False
        self.count(network)
        return True

    def has_room(self, network: str, total: int, by_network: int) -> bool:
        """Whether there are fewer than `total`, and fewer than `by_network` of this network, which is "" where it has no limit."""
        return self.open < total and (not network or self._networks[network] < by_network)

    def count(self, network: str) -> None:
        """One more is there."""
        self.open += 1
        if network:
            self._networks[network] += 1

    def leave(self, address: str) -> None:
        self.open -= 1
        network = network_of(address)
        if network:
            self._networks[network] -= 1
            if not self._networks[network]:
                del self._networks[network]


# Of the budget, for messages that are read: people who take their time must not keep mail from coming in.
READING = 0.5


class Budget:
    """The memory that messages take while they are received, or read by people, over all connections together.

    What does not fit is refused for now: the other side keeps its message and tries again.
    """

    __slots__ = ("limit", "used")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.used = 0

    def take(self, size: int, share: float = 1.0) -> bool:
        """Whether `size` octets more may be held, by somebody who may have a `share` of all; if so they count until `give`."""
        if self.used + size > self.limit * share:
            return False
        self.used += size
        return True

    def of_reader(self, size: int) -> int:
        """What a message counts while it is read: no more than all of them may, so that one that is too large fits alone."""
        return min(size, int(self.limit * READING))

    def give(self, size: int) -> None:
        self.used -= size
