"""One host that takes everything: an Internet provider's relay, a mail gateway."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field

from correo.dns import DnsFailure, Rdtype, Resolver
from correo.mail.outcome import Deferred, Failed
from correo.mail.status import Status
from correo.net.tls import opportunistic_context, verified_context
from correo.transport.hops import Hop, Login, Security


@dataclass(frozen=True, slots=True)
class Smarthost:
    host: str  # a name, or an IP address
    port: int
    user: str = ""  # "" for no login
    password: str = field(default="", repr=False)
    tls: str = "starttls"  # none, starttls, implicit

    @classmethod
    def parse(cls, text: str, user: str = "", password: str = "", tls: str = "starttls") -> Smarthost:
        """`host:port` or `[v6]:port`. Raises ValueError that says what would be right."""
        host, colon, port = text.rpartition(":")
        host = host.removeprefix("[").removesuffix("]")
        if not colon or not host or not port.isdecimal() or not 0 < int(port) < 65536:
            raise ValueError(
                f"{text!r} is not a smarthost; write host:port, as in relay.example:587 or [::1]:25"
            )
        return cls(host.lower(), int(port), user, password, tls)

    def security(self) -> Security:
        """With a login TLS is not optional and the certificate is verified: the password must not go astray."""
        login = Login(self.user, self.password) if self.user else None
        if self.tls == "none":
            return Security(None, login=login)
        context = verified_context() if login else opportunistic_context()
        implicit = self.tls == "implicit"
        return Security(context, required=implicit or login is not None, implicit=implicit, login=login)


class SmarthostRoute:
    """Every destination leads to the smarthost; what cannot be found out about it is a matter of time."""

    def __init__(self, resolver: Resolver, smarthost: Smarthost, *, ipv6: bool) -> None:
        self.security = smarthost.security()
        self._resolver = resolver
        self._host = smarthost.host
        self._port = smarthost.port
        self._kinds: tuple[Rdtype, ...] = ("AAAA", "A") if ipv6 else ("A",)

    def lane(self, destination: str) -> str:
        return f"{self._host}:{self._port}"

    async def hops(self, destination: str) -> tuple[Hop, ...] | Deferred | Failed:
        try:
            return (Hop(self._host, str(ipaddress.ip_address(self._host)), self._port),)
        except ValueError:
            pass
        addresses: list[str] = []
        for kind in self._kinds:
            try:
                addresses += (await self._resolver.lookup(self._host, kind)).of(str)
            except DnsFailure:
                continue
        if not addresses:
            # Not the recipient's fault, whatever the DNS says: the operator will correct the name.
            return Deferred(
                Status(451, "4.4.3", f"the relay {self._host} cannot be found in the DNS at present")
            )
        return tuple(Hop(self._host, address, self._port) for address in addresses)
