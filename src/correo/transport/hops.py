"""Where a message goes next: hosts to try, in order, or the reason why there are none (RFC 5321 §5.1)."""

from __future__ import annotations

import ipaddress
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from correo.clock import Chance
from correo.dns import DnsFailure, Resolver
from correo.dns.mx import Host, Hosts, LoopsBack, NoMailHosts, NoSuchDomain, NullMx, mail_hosts
from correo.mail.outcome import Deferred, Failed
from correo.mail.status import Status
from correo.net import Peer
from correo.transport.policy import Failure, Source


@dataclass(frozen=True, slots=True)
class Hop:
    name: str  # of the host, in comparison form; an address literal in brackets
    address: str
    port: int
    named_securely: bool = False  # that it is a host of its domain is validated with DNSSEC
    secure: bool = False  # its address is
    canonical: str = ""  # the name at the end of its CNAMEs; "" where there are none
    lmtp: bool = False  # it speaks LMTP (RFC 2033)

    def __str__(self) -> str:
        return f"{self.name} [{self.address}]:{self.port}" if self.port else f"{self.name}:{self.address}"


@dataclass(frozen=True, slots=True)
class Login:
    user: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Security:
    """How a connection is protected."""

    context: ssl.SSLContext | None  # None: never
    required: bool = False  # False: in clear text where TLS is not offered
    implicit: bool = False  # from the first octet on, instead of by STARTTLS
    login: Login | None = None
    by: str = ""  # what wants it so, for people; "" where nothing is proved
    source: Source = Source.NONE
    name: str = ""  # of the host in the handshake; "" for that of the hop
    proof: Callable[[tuple[bytes, ...]], Failure | None] | None = None  # judges the certificates shown
    requiretls: bool = False  # the server must promise it too (RFC 8689 §2); what fails, fails for good


@dataclass(frozen=True, slots=True)
class Ourselves:
    """How this server is known, so that it sends nothing to itself."""

    names: frozenset[str]  # in lower case
    # Addresses and ports it listens on; 0.0.0.0 and :: stand for all there are.
    endpoints: frozenset[tuple[str, int]] = frozenset()

    def at(self, address: str, port: int) -> bool:
        """Whether that is known before it is dialled."""
        if (address, port) in self.endpoints:
            return True
        return self._everywhere(address, port) and ipaddress.ip_address(address).is_loopback

    def reached(self, local: Peer, peer: Peer) -> bool:
        """Whether a connection ends here: it comes from the very address that it leads to, and nobody else can listen there."""
        return local.address == peer.address and self._everywhere(peer.address, peer.port)

    def _everywhere(self, address: str, port: int) -> bool:
        """Whether we have this port on all addresses of the machine."""
        return ("::", port) in self.endpoints or (":" not in address and ("0.0.0.0", port) in self.endpoints)


class Route(Protocol):
    """The choice of next hosts."""

    def lane(self, destination: str) -> str: ...

    async def hops(self, destination: str) -> tuple[Hop, ...] | Deferred | Failed: ...


class MxRoute:
    """Each domain's own mail hosts."""

    def __init__(
        self,
        resolver: Resolver,
        chance: Chance,
        *,
        port: int,
        ipv6: bool,
        ourselves: Ourselves,
    ) -> None:
        self._resolver = resolver
        self._chance = chance
        self._port = port
        self._ipv6 = ipv6
        self._ourselves = ourselves

    def lane(self, destination: str) -> str:
        return destination

    async def hops(self, destination: str) -> tuple[Hop, ...] | Deferred | Failed:
        try:
            found = await mail_hosts(
                self._resolver, destination, self._chance, ipv6=self._ipv6, own_names=self._ourselves.names
            )
        except DnsFailure as failure:
            words = f"the DNS gives no answer about {failure.name} at present"
            return Deferred(Status(451, "4.4.3", words), unreachable=True)
        match found:
            case NullMx():  # RFC 7505 §4.1
                return Failed(Status(556, "5.1.10", f"{destination} takes no mail (null MX)"))
            case NoSuchDomain():
                return Failed(Status(550, "5.1.2", f"there is no domain {destination}"))
            case LoopsBack(reason=reason):
                return Failed(Status(550, "5.4.6", reason))
            case NoMailHosts(reason=reason):
                return Failed(Status(550, "5.4.4", reason))
            case Hosts(hosts=hosts, secure=secure):
                return self._before_us(destination, hosts, secure)

    def _before_us(self, destination: str, hosts: tuple[Host, ...], secure: bool) -> tuple[Hop, ...] | Failed:
        """As for names in `mail_hosts`: not to ourselves, nor to those who would bring it back to us."""
        is_us = self._ourselves.at
        ours = [
            host.preference for host in hosts if any(is_us(address, self._port) for address in host.addresses)
        ]
        limit = min(ours, default=None)
        hops = tuple(
            Hop(host.name, address, self._port, secure, host.secure, host.canonical)
            for host in hosts
            if limit is None or host.preference < limit
            for address in host.addresses
        )
        return hops or Failed(Status(550, "5.4.6", f"mail for {destination} would come back to this server"))
