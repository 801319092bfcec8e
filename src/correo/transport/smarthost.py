"""One host that takes everything: an Internet provider's relay, a mail gateway."""

from __future__ import annotations

import ipaddress
import ssl
from dataclasses import dataclass, field, replace

from correo.dns import DnsFailure, Rdtype, Resolver
from correo.mail.outcome import Deferred, Failed
from correo.mail.protection import Protection
from correo.mail.status import Status
from correo.net.tls import opportunistic_context
from correo.transport.connection import Trouble
from correo.transport.hops import Hop, Login, Security
from correo.transport.policy import Failure


@dataclass(frozen=True, slots=True)
class Smarthost:
    host: str  # a name, or an IP address
    port: int
    user: str = ""  # "" for no login
    password: str = field(default="", repr=False)
    tls: str = "starttls"  # none, starttls, verified, implicit

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

    def security(self, verified: ssl.SSLContext) -> Security:
        """With a login TLS is not optional and the certificate is verified: the password must not go astray."""
        login = Login(self.user, self.password) if self.user else None
        if self.tls == "none":
            return Security(None, login=login)
        strict = login is not None or self.tls == "verified"
        context = verified if strict else opportunistic_context()
        implicit = self.tls == "implicit"
        required = implicit or strict
        by = "verified" if strict else ""
        return Security(context, required=required, implicit=implicit, login=login, by=by)


class SmarthostGuard:
    """A `Guard` of the one host that the operator has named: what domains publish is its business."""

    def __init__(self, smarthost: Smarthost, verified: ssl.SSLContext) -> None:
        self._security = smarthost.security(verified)
        self._verified = verified

    async def ways(
        self, domain: str, hop: Hop, wanted: Protection, *, notice: bool
    ) -> tuple[Security, ...] | Trouble:
        usual = self._security
        ways = (usual,) if usual.required else (usual, Security(None, login=usual.login))
        if wanted is not Protection.REQUIRED:
            return ways
        if usual.context is None:
            words = f"the relay {hop.name} is used without TLS, which REQUIRETLS needs"
            return ways if notice else Trouble(Status(550, "5.7.10", words), unprotected=True)
        strict = replace(usual, context=self._verified, required=True, by="REQUIRETLS", requiretls=True)
        return (strict, *ways) if notice else (strict,)

    def note(self, domain: str, hop: Hop, way: Security, result: Failure | None) -> None:
        """Nothing: a report is for domains, and theirs are the connections of the smarthost."""

    async def renew(self) -> None:
        """Nothing is kept."""

    async def close(self) -> None:
        """Nothing is open."""


class SmarthostRoute:
    """Every destination leads to the smarthost; what cannot be found out about it is a matter of time."""

    def __init__(self, resolver: Resolver, smarthost: Smarthost, *, ipv6: bool, lmtp: bool = False) -> None:
        self._resolver = resolver
        self._host = smarthost.host
        self._port = smarthost.port
        self._lmtp = lmtp
        self._kinds: tuple[Rdtype, ...] = ("AAAA", "A") if ipv6 else ("A",)

    def lane(self, destination: str) -> str:
        return f"{self._host}:{self._port}"

    async def hops(self, destination: str) -> tuple[Hop, ...] | Deferred | Failed:
        try:
            return (Hop(self._host, str(ipaddress.ip_address(self._host)), self._port, lmtp=self._lmtp),)
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
            words = f"the relay {self._host} cannot be found in the DNS at present"
            return Deferred(Status(451, "4.4.3", words), unreachable=True)
        return tuple(Hop(self._host, address, self._port, lmtp=self._lmtp) for address in addresses)
