"""Which mail goes another way than the records of its domain say, and what else is different about it. Frozen before the first use.

A route is for a domain (`example.net`), for all below one (`.example.net`), or for everything (`*`); that which fits best is taken.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from correo.mail.way import Kind, Way, of_destination

ANY = "*"


@dataclass(frozen=True, slots=True)
class Route:
    """Durations in µs; 0 and () where nothing is different."""

    way: Way
    name: str = ""
    user: str = ""  # "" for no login
    password: str = field(default="", repr=False)
    tls: str = ""  # "": as usual; none, starttls, verified, implicit
    source: str = ""  # local address to send from
    retry: tuple[int, ...] = ()
    lifetime: int = 0
    concurrency: int = 0
    rate: int = 0


class Routes:
    """`find` is asked for every recipient and every attempt: it looks up as many names as the domain has labels."""

    def __init__(self, routes: Iterable[tuple[str, Route]] = ()) -> None:
        """`routes` by domains in comparison form; of two for the same domain the first is taken."""
        self._by_domain: dict[str, Route] = {}
        self._by_name: dict[str, Route] = {}
        for domain, route in routes:
            self._by_domain.setdefault(domain, route)
            if route.name:
                self._by_name.setdefault(route.name, route)

    def find(self, destination: str) -> Route | None:
        """None: to its own mail hosts, or to the smarthost. `destination` may be a way that the operator has chosen."""
        way, _ = of_destination(destination)
        if way is not None:
            # One that has gone from the configuration since keeps its mail waiting.
            return self._by_name.get(way.host, Route(way)) if way.kind is Kind.ROUTE else Route(way)
        if not self._by_domain:
            return None
        if found := self._by_domain.get(destination):
            return found
        dot = -1 if destination.startswith("[") else destination.find(".")
        while dot >= 0:
            if found := self._by_domain.get(destination[dot:]):
                return found
            dot = destination.find(".", dot + 1)
        return self._by_domain.get(ANY)
