"""The servers of other domains, played inside: real ones, on a network in memory, whose mail is for the test to look at."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum

from correo.dns.zone import Zone
from correo.net.memory import MemoryNetwork
from correo.net.memory import Serve as ServeMemory
from correo.testing.faults import Faults
from correo.testing.journal import Journal

MAX_FAR = 1_000  # domains
PORT = 25

# 198.18.0.0/15 is set aside for tests of networks: it is nobody's.
_NETWORK = "198.18"


class State(Enum):
    UP = "up"
    DOWN = "down"  # refuses connections
    SILENT = "silent"  # never answers


class FarHost:
    """The server of one domain."""

    def __init__(self, domain: str, address: str) -> None:
        self.domain = domain
        self.hostname = f"mx.{domain}"
        self.address = address
        self.state = State.UP
        self.faults = Faults()
        self.journal = Journal()


class FarHosts:
    """All of them, with their entries in the DNS. `serve` makes of a host what serves one connection to it."""

    def __init__(self, zone: Zone, network: MemoryNetwork, serve: Callable[[FarHost], ServeMemory]) -> None:
        self.by_domain: dict[str, FarHost] = {}
        self._zone = zone
        self._network = network
        self._serve = serve

    def add(self, domain: str) -> FarHost:
        """`domain` in comparison form. Raises ValueError."""
        if known := self.by_domain.get(domain):
            return known
        number = len(self.by_domain) + 1
        if number > MAX_FAR:
            raise ValueError(f"there are {MAX_FAR} domains elsewhere already")
        host = FarHost(domain, f"{_NETWORK}.{number >> 8}.{number & 255}")
        self._zone.add(f"{domain}. MX 10 {host.hostname}.")
        self._zone.add(f"{host.hostname}. A {host.address}")
        self.by_domain[domain] = host
        self.set(host, State.UP)
        return host

    def set(self, host: FarHost, state: State) -> None:
        host.state = state
        self._network.silent.discard(host.address)
        self._network.unlisten(host.address, PORT)
        if state is State.UP:
            self._network.listen(host.address, PORT, self._serve(host))
        elif state is State.SILENT:
            self._network.silent.add(host.address)

    def heal(self) -> None:
        """Every server is well again, and remembers nothing."""
        for host in self.by_domain.values():
            host.faults.clear()
            host.journal.clear()
            self.set(host, State.UP)
