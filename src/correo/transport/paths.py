"""How each route is gone: which hosts, dialled from where, speaking what, protected how; or where it ends."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from dataclasses import dataclass

from correo.dns import Resolver
from correo.mail.outcome import Deferred, Discarded, Failed, Held
from correo.mail.status import Status
from correo.mail.way import Kind, of_destination
from correo.net import Dialer
from correo.net.tls import verified_context
from correo.transport import hops
from correo.transport.guard import Guard, Opportunistic
from correo.transport.hops import Hop
from correo.transport.routes import Route, Routes
from correo.transport.smarthost import Smarthost, SmarthostGuard, SmarthostRoute

MAX_PATHS = 1_000  # kept; the operator may name more ways than the configuration has

End = Held | Discarded | Deferred


@dataclass(frozen=True, slots=True)
class Path:
    """`ours`: the operator has named the host, so that what is wrong with it is no fault of the mail."""

    hops: hops.Route
    guard: Guard
    dialer: Dialer
    name: str = ""  # what tells its lanes from those of others
    policy_domain: str = ""  # whose policies count; "" for the recipients' own
    ours: bool = False
    lmtp: bool = False
    end: End | None = None

    def lane(self, destination: str) -> str:
        return self.name + self.hops.lane(of_destination(destination)[1])


class Elsewhere:
    """The mail hosts of another domain, for all."""

    def __init__(self, mx: hops.Route, domain: str) -> None:
        self._mx = mx
        self._domain = domain

    def lane(self, destination: str) -> str:
        return self._mx.lane(self._domain)

    async def hops(self, destination: str) -> tuple[Hop, ...] | Deferred | Failed:
        return await self._mx.hops(self._domain)


class Socket:
    """A socket of this machine, where LMTP is spoken."""

    def __init__(self, path: str) -> None:
        self._path = path

    def lane(self, destination: str) -> str:
        return self._path

    async def hops(self, destination: str) -> tuple[Hop, ...] | Deferred | Failed:
        return (Hop("unix", self._path, 0, lmtp=True),)


class Paths:
    """`find` makes a path when it is first asked for, and keeps it."""

    def __init__(
        self,
        routes: Routes,
        usual: Path,
        mx: Path,
        *,
        resolver: Resolver,
        ipv6: bool,
        verified: ssl.SSLContext | None,
        dial_from: Callable[[str], Dialer] | None,
    ) -> None:
        """`usual` is for what has no route, `mx` for what goes to mail hosts; `dial_from` makes a dialer of a local address."""
        self._routes = routes
        self._usual = usual
        self._mx = mx
        self._resolver = resolver
        self._ipv6 = ipv6
        self._verified = verified
        self._dial_from = dial_from
        self._made: dict[Route, Path] = {}

    def find(self, destination: str) -> Path:
        route = self._routes.find(destination)
        if route is None:
            return self._usual
        path = self._made.get(route)
        if path is None:
            if len(self._made) >= MAX_PATHS:
                self._made.clear()
            path = self._made[route] = self._make(route)
        return path

    def _make(self, route: Route) -> Path:
        way, mx = route.way, self._mx
        dialer = self._dial_from(route.source) if route.source and self._dial_from else mx.dialer
        # All that makes a connection another one: who is logged in, how it is protected, from where it comes.
        name = f"{route.name} {way} {route.user} {route.tls} {route.source} "
        match way.kind:
            case Kind.MX:
                hops = Elsewhere(mx.hops, way.host) if way.host else mx.hops
                return Path(hops, self._guard(route), dialer, name, policy_domain=way.host)
            case Kind.SMTP | Kind.LMTP:
                return self._named(route, dialer, name)
            case Kind.DISCARD:
                end: End = Discarded(Status(250, "2.0.0", "its route leads nowhere"))
            case Kind.HOLD:
                end = Held(Status(450, "4.7.0", "its route holds it; see correo queue reroute"))
            case Kind.ROUTE:
                end = Deferred(Status(451, "4.3.5", f"there is no route {way.host} any more"))
        return Path(mx.hops, mx.guard, mx.dialer, name, end=end)

    def _named(self, route: Route, dialer: Dialer, name: str) -> Path:
        way = route.way
        lmtp = way.kind is Kind.LMTP
        tls = "none" if lmtp else route.tls or "starttls"
        host = Smarthost(way.host, way.port, route.user, route.password, tls)
        hops = (
            Socket(way.host)
            if way.is_socket
            else SmarthostRoute(self._resolver, host, ipv6=self._ipv6, lmtp=lmtp)
        )
        return Path(hops, self._named_guard(host), dialer, name, ours=True, lmtp=lmtp)

    def _guard(self, route: Route) -> Guard:
        match route.tls:
            case "":
                return self._mx.guard
            case "verified":
                return self._named_guard(Smarthost("", 0, tls=route.tls))
        return Opportunistic(tls=route.tls != "none")

    def _named_guard(self, host: Smarthost) -> Guard:
        if self._verified is None:
            self._verified = verified_context()  # to read the system's certificates takes milliseconds
        return SmarthostGuard(host, self._verified)
