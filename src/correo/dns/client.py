"""The stub client: asks recursive servers, those of the system or those of the configuration."""

from __future__ import annotations

import asyncio
import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from correo.clock import Chance, Clock
from correo.dns import MAX_CNAMES, Answer, DnsFailure, Rdtype, Record, Status, codec, exchange, names
from correo.dns.codec import Rcode
from correo.dns.flights import Flights
from correo.mail.instant import SECOND

PORT = 53
MAX_SERVERS = 3  # as resolv.conf(5): a fourth would not be reached before the lookup ends
MAX_IN_FLIGHT = (
    256  # lookups on the wire at once: each holds a socket, and 1024 is a common limit of open files
)
_BRACKETED = re.compile(r"\[(.+)\](?::(\d+))?")
_EDNS_REFUSALS = (Rcode.FORMERR, Rcode.NOTIMP, Rcode.BADVERS)  # RFC 6891 §7


@dataclass(frozen=True, slots=True)
class Timing:
    """All in seconds."""

    # How long each server is given in each round: a recursive server that has to walk the tree needs one or two, and a
    # lost datagram should cost no more than one.
    waits: tuple[float, ...] = (1.0, 2.0, 3.0)
    tcp: float = 3.0  # connection, query and answer: three round trips and the server's own work
    total: float = (
        10.0  # for a lookup with all its retries and CNAMEs: shorter than anybody who waits for us waits
    )


@dataclass(frozen=True, slots=True)
class _Server:
    place: exchange.Place
    believed: bool  # whether its AD bit counts


@dataclass(frozen=True, slots=True)
class _Trouble:
    reason: str
    final: bool  # asking this server again would bring the same


class StubResolver:
    """Asks `servers` (`192.0.2.53`, `127.0.0.1:5353`, `::1`, `[2001:db8::53]:5353`) in turn until one knows.

    The AD bit is believed of servers on this machine, where nobody can have changed it on the way, and of all if
    `validating` says that they check DNSSEC and that the way to them is safe. Raises ValueError if a server is not given
    by its address.
    """

    def __init__(
        self,
        servers: Sequence[str],
        clock: Clock,
        chance: Chance,
        *,
        validating: bool = False,
        timing: Timing | None = None,
        in_flight: int = MAX_IN_FLIGHT,
    ) -> None:
        places = [parse_server(server) for server in servers[:MAX_SERVERS]]
        if not places:
            raise ValueError("at least one DNS server is needed")
        # Reordered as they prove alive: the one that answered last is asked first.
        self._servers = [
            _Server(place, validating or ipaddress.ip_address(place[0]).is_loopback) for place in places
        ]
        self._clock = clock
        self._chance = chance
        self._timing = timing or Timing()
        self._slots = asyncio.Semaphore(in_flight)
        self._flights: Flights[tuple[str, Rdtype], Answer] = Flights()

    async def lookup(self, name: str, rdtype: Rdtype) -> Answer:
        """Raises DnsFailure, after `Timing.total` seconds at the latest."""
        folded = names.fold(name)
        if folded is None:
            return Answer.no_such_name(name, rdtype, self._clock.now())
        return await self._flights.share((folded, rdtype), lambda: self._bounded(folded, rdtype))

    async def _bounded(self, name: str, rdtype: Rdtype) -> Answer:
        try:
            async with asyncio.timeout(self._timing.total), self._slots:
                return await self._follow(name, rdtype)
        except TimeoutError:
            raise DnsFailure(name, rdtype, f"no answer within {self._timing.total:g} s") from None

    async def _follow(self, name: str, rdtype: Rdtype) -> Answer:
        """Recursive servers follow CNAMEs themselves; where one leaves the rest to us, ask for the tail."""
        tail, ttl, authentic = name, 0x7FFFFFFF, True
        for _ in range(MAX_CNAMES + 1):
            server, reply = await self._ask(tail, rdtype)
            ttl = min(ttl, reply.ttl)
            authentic = authentic and reply.authentic and server.believed
            if reply.settled:
                status = _status(reply.rcode, reply.records)
                expires = self._clock.now() + ttl * SECOND
                canonical = reply.tail if reply.tail != name else ""
                return Answer(name, rdtype, status, reply.records, authentic, expires, canonical)
            if names.fold(reply.tail) is None:
                return Answer.no_such_name(name, rdtype, self._clock.now())
            tail = reply.tail
        raise DnsFailure(name, rdtype, "too many CNAMEs")

    async def _ask(self, name: str, rdtype: Rdtype) -> tuple[_Server, codec.Reply]:
        servers = list(self._servers)
        reason = ""
        for wait in self._timing.waits:
            for server in tuple(servers):
                outcome = await self._attempt(server, name, rdtype, wait)
                if isinstance(outcome, codec.Reply):
                    self._servers.sort(key=lambda other: other is not server)
                    return server, outcome
                reason = f"{server.place[0]}: {outcome.reason}"
                if outcome.final:
                    servers.remove(server)
        raise DnsFailure(name, rdtype, reason)

    async def _attempt(
        self, server: _Server, name: str, rdtype: Rdtype, wait: float, *, edns: bool = True
    ) -> codec.Reply | _Trouble:
        query = codec.write_query(name, rdtype, self._chance.secret(codec.UNPREDICTABLE), edns=edns)
        data = await exchange.over_udp(server.place, query, wait)
        # A server that changes the case of questions takes from us a part of what tells its answers from forged ones.
        # Over TCP they cannot be forged from afar.
        if data is not None and (codec.is_truncated(data) or not query.same_case(data)):
            data = await exchange.over_tcp(server.place, query, self._timing.tcp)
        if data is None:
            return _Trouble("no answer", final=False)
        outcome = _judge(query, data)
        if edns and isinstance(outcome, codec.Reply) and outcome.rcode in _EDNS_REFUSALS:
            return await self._attempt(server, name, rdtype, wait, edns=False)
        if isinstance(outcome, codec.Reply) and outcome.rcode not in (Rcode.NOERROR, Rcode.NXDOMAIN):
            return _Trouble(f"answered {_spell(outcome.rcode)}", final=True)
        return outcome


def _judge(query: codec.Query, data: bytes) -> codec.Reply | _Trouble:
    if codec.is_truncated(data):
        return _Trouble("truncated over TCP", final=True)
    try:
        reply = codec.read_reply(query, data)
    except codec.Malformed as error:
        return _Trouble(str(error), final=True)
    return _Trouble("lame: neither authoritative nor recursive", final=True) if reply.lame else reply


def _status(rcode: int, records: tuple[Record, ...]) -> Status:
    if rcode == Rcode.NXDOMAIN:
        return Status.NO_SUCH_DOMAIN
    return Status.OK if records else Status.NO_DATA


def _spell(rcode: int) -> str:
    return Rcode(rcode).name if rcode in Rcode._value2member_map_ else f"RCODE{rcode}"


def parse_server(text: str) -> exchange.Place:
    """Address and port of `host`, `host:port` or `[v6]:port`. Raises ValueError."""
    if match := _BRACKETED.fullmatch(text):
        host, port = match[1], match[2] or ""
    elif text.count(":") == 1:
        host, _, port = text.partition(":")
    else:
        host, port = text, ""
    try:
        ipaddress.ip_address(host)
        number = int(port or PORT)
    except ValueError:
        number = 0
    if not 0 < number < 65536:
        raise ValueError(f"{text!r} is not a DNS server; write its address, and its port if it is not 53")
    return host, number


def system_servers(path: Path = Path("/etc/resolv.conf")) -> tuple[str, ...]:
    """What resolv.conf(5) says; without the file, or a server in it, the one on this machine."""
    try:
        lines = path.read_text("utf-8", "replace").splitlines()
    except OSError:
        lines = []
    words = [line.split() for line in lines]
    servers = tuple(
        line[1] for line in words if len(line) > 1 and line[0] == "nameserver" and _usable(line[1])
    )
    return servers[:MAX_SERVERS] or ("127.0.0.1",)


def _usable(server: str) -> bool:
    try:
        ipaddress.ip_address(server)
    except ValueError:
        return False
    return True
