"""Peers that the operator has listed, by address or network."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass, field

LOCAL = "unix"  # the local socket, as `Peer.address` has it


@dataclass(frozen=True, slots=True)
class Networks:
    """`address in networks`; an address that is none, or none of these, is not."""

    networks: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...] = ()
    local: bool = field(default=False)

    @classmethod
    def of(cls, texts: Iterable[str]) -> Networks:
        """From addresses, networks as in 192.0.2.0/24, and "unix". Raises ValueError."""
        listed = tuple(texts)
        networks = tuple(ipaddress.ip_network(text) for text in listed if text != LOCAL)
        return cls(networks, LOCAL in listed)

    def __contains__(self, address: str) -> bool:
        if not self.networks:
            return self.local and address == LOCAL
        try:
            parsed = ipaddress.ip_address(address)
        except ValueError:
            return self.local and address == LOCAL
        return any(parsed in network for network in self.networks)

    def __bool__(self) -> bool:
        return bool(self.networks) or self.local


NOBODY = Networks()
