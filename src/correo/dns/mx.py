"""Where mail for a domain goes: the rules of RFC 5321 §5.1 and RFC 7505."""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest
from typing import Literal, TypeAlias

from correo.clock import Chance
from correo.dns import Answer, DnsFailure, Mx, Resolver, Status, names
from correo.mail.address import BadAddress, fold_domain

MAX_HOSTS = (
    10  # the largest senders publish five to seven; more names are more lookups at the will of a stranger
)
MAX_ADDRESSES = (
    5  # of one host: RFC 5321 §5.1 asks for at least two attempts, and each may cost half a minute
)


@dataclass(frozen=True, slots=True)
class Host:
    name: str  # folded, or the address literal in brackets
    preference: int  # 0 to 65535, lower is tried first
    addresses: tuple[str, ...]  # in the order to be tried, never empty
    secure: bool = False  # the addresses are validated with DNSSEC
    canonical: str = ""  # the name at the end of the CNAMEs; "" where there were none


@dataclass(frozen=True, slots=True)
class Hosts:
    """In the order to be tried, never empty."""

    hosts: tuple[Host, ...]
    secure: bool = False  # DNSSEC says that these are the hosts, or that the domain is its own


@dataclass(frozen=True, slots=True)
class NullMx:
    """The domain says that it takes no mail (RFC 7505): 556 5.1.10."""


@dataclass(frozen=True, slots=True)
class NoSuchDomain:
    """The DNS is certain that there is no such domain: 5.1.2."""


@dataclass(frozen=True, slots=True)
class NoMailHosts:
    """The domain exists, but no host takes its mail: 5.4.4. `reason` may be shown to the sender."""

    reason: str


@dataclass(frozen=True, slots=True)
class LoopsBack(NoMailHosts):
    """The best host is this one, which knows of no such local domain: 5.4.6."""


MailHosts: TypeAlias = Hosts | NullMx | NoSuchDomain | NoMailHosts


async def mail_hosts(
    resolver: Resolver,
    domain: str,
    chance: Chance,
    *,
    ipv6: bool = True,
    own_names: Collection[str] = (),
) -> MailHosts:
    """The hosts to try for `domain`, which may be an address literal. `own_names` are what this server is called in MX records.

    Raises DnsFailure if a later attempt may find a host where this one found none.
    """
    try:
        folded = fold_domain(domain)
    except BadAddress as error:
        return NoMailHosts(str(error))
    own = {names.fold(name) or name.lower() for name in own_names}
    if folded.startswith("["):
        return _literal(folded, ipv6, own)
    answer = await resolver.lookup(folded, "MX")
    if answer.status is Status.NO_SUCH_DOMAIN:
        return NoSuchDomain()
    exchanges = answer.of(Mx)
    if exchanges and all(mx.exchange == "." for mx in exchanges):
        return NullMx()
    # Without MX the domain is its own only host; with MX, usable or not, it is not (RFC 5321 §5.1).
    ordered = _order(exchanges or (Mx(0, folded),), chance)
    before_us = _before_us(ordered, own)
    if not before_us:
        return LoopsBack(f"mail for {folded} would come back to this server")
    candidates = [mx for mx in before_us if names.is_host(mx.exchange)][:MAX_HOSTS]
    hosts = await _with_addresses(resolver, candidates, ipv6)
    if hosts:
        return Hosts(hosts, answer.authentic)
    if exchanges:
        return NoMailHosts(f"no mail host of {folded} has an address")
    return NoMailHosts(f"{folded} has neither a mail host nor an address")


def _order(exchanges: Iterable[Mx], chance: Chance) -> list[Mx]:
    """By preference, equals at random to spread the load; each name once, where it comes first."""
    ordered = list(exchanges)
    chance.random.shuffle(ordered)
    ordered.sort(key=lambda mx: mx.preference)
    first: dict[str, Mx] = {}
    for mx in ordered:
        first.setdefault(mx.exchange, mx)
    return list(first.values())


def _before_us(ordered: Sequence[Mx], own: Collection[str]) -> Sequence[Mx]:
    """Without ourselves and all that are not preferred to us: from those, mail would come back (RFC 5321 §5.1)."""
    ours = min((mx.preference for mx in ordered if mx.exchange in own), default=None)
    return ordered if ours is None else [mx for mx in ordered if mx.preference < ours]


async def _with_addresses(resolver: Resolver, candidates: Sequence[Mx], ipv6: bool) -> tuple[Host, ...]:
    """The candidates that have addresses. Raises DnsFailure if none has, and one may have later."""
    found = await asyncio.gather(*(_addresses(resolver, mx.exchange, ipv6) for mx in candidates))
    hosts = tuple(
        Host(mx.exchange, mx.preference, one.addresses, one.secure, one.canonical)
        for mx, one in zip(candidates, found, strict=True)
        if one.addresses
    )
    failure = next((one.failure for one in found if one.failure), None)
    if not hosts and failure:
        raise failure
    return hosts


@dataclass(frozen=True, slots=True)
class _Found:
    addresses: tuple[str, ...]
    secure: bool
    canonical: str
    failure: DnsFailure | None


async def _addresses(resolver: Resolver, host: str, ipv6: bool) -> _Found:
    """IPv6 first where it is wanted, then turn about, so that a family that is down costs one attempt, not all."""
    kinds: tuple[Literal["AAAA", "A"], ...] = ("AAAA", "A") if ipv6 else ("A",)
    answers = await asyncio.gather(*(_quietly(resolver, host, kind) for kind in kinds))
    certain = [answer for answer in answers if isinstance(answer, Answer) and answer.records]
    families = [[address for address in answer.of(str) if reachable(address)] for answer in certain]
    turn_about = (address for address in chain(*zip_longest(*families)) if address is not None)
    failure = next((answer for answer in answers if isinstance(answer, DnsFailure)), None)
    return _Found(
        tuple(turn_about)[:MAX_ADDRESSES],
        all(answer.authentic for answer in certain),
        next((answer.canonical for answer in certain), ""),
        failure,
    )


async def _quietly(resolver: Resolver, host: str, kind: Literal["AAAA", "A"]) -> Answer | DnsFailure:
    try:
        return await resolver.lookup(host, kind)
    except DnsFailure as failure:
        return failure


def reachable(address: str) -> bool:
    """Whether one may connect there at all: 0.0.0.0 and :: would reach this machine, groups and mapped addresses nobody."""
    ip = ipaddress.ip_address(address)
    mapped = isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped is not None
    return not (ip.is_unspecified or ip.is_multicast or mapped or address == "255.255.255.255")


def _literal(folded: str, ipv6: bool, own: Collection[str]) -> MailHosts:
    """`[192.0.2.1]` and `[IPv6:2001:db8::1]` say themselves where to go (RFC 5321 §4.1.3)."""
    if folded in own:
        return LoopsBack(f"mail for {folded} would come back to this server")
    inside = folded[1:-1]
    try:
        address = str(ipaddress.ip_address(inside.removeprefix("ipv6:")))
    except ValueError:
        return NoMailHosts("the address literal is malformed")
    if not reachable(address):
        return NoMailHosts("the address literal is of no host")
    if ":" in address and not ipv6:
        return NoMailHosts("this server does not use IPv6")
    return Hosts((Host(folded, 0, (address,)),))
