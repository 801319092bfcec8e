"""Servers of others that prove themselves, or fail to: mail hosts with certificates, web servers with policies, a DNS that may be signed."""

from __future__ import annotations

import asyncio
import ssl
import tempfile
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import trustme
from tests.journeys.far import Far

from correo.clock.virtual import SeededChance, VirtualClock, VirtualLoop, run
from correo.dns import Answer, Rdtype
from correo.dns.zone import Zone, ZoneResolver
from correo.mail.address import Address
from correo.mail.outcome import Outcome
from correo.mail.protection import Protection
from correo.mail.terms import Terms
from correo.net.memory import MemoryNetwork, MemoryStream
from correo.storage.db.sqlite import Sqlite
from correo.transport import Outgoing
from correo.transport.policy.guard import Policies, Settings
from correo.transport.policy.keeping import Kept, kept_policies
from correo.transport.policy.results import sessions
from correo.transport.remote import Options, RemoteTransport

AUTHORITY = trustme.CA()  # whom this land trusts
ANA = Address.parse("ana@here.example")
BOB = Address.parse("bob@there.example")
MX = "mx.there.example"
ZONE = f"there.example MX 10 {MX}\n{MX} A 10.0.0.1\n"
POLICY = f"version: STSv1\r\nmode: enforce\r\nmx: {MX}\r\nmax_age: 604800\r\n"


class Web:
    """The web server of a domain's policy."""

    def __init__(self, body: str = POLICY) -> None:
        self.body = body
        self.status = 200
        self.kind = "text/plain; charset=utf-8"
        self.extra = ""  # header fields
        self.silent = False
        self.requests: list[bytes] = []

    async def serve(self, stream: MemoryStream) -> None:
        request = b""
        while not request.endswith(b"\r\n\r\n"):
            data = await stream.read(None)
            if not isinstance(data, bytes) or not data:
                return
            request += data
        self.requests.append(request)
        if self.silent:
            await asyncio.sleep(10**6)
        head = f"HTTP/1.1 {self.status} Ok\r\nContent-Type: {self.kind}\r\n{self.extra}"
        stream.write(f"{head}Content-Length: {len(self.body)}\r\n\r\n{self.body}".encode())
        await stream.close()


class Signed(ZoneResolver):
    """A validating resolver: all of the zone is signed, or nothing, but never what is in `unsigned`."""

    def __init__(self, zone: Zone, clock: VirtualClock, unsigned: set[tuple[str, Rdtype]]) -> None:
        super().__init__(zone, clock)
        self._unsigned = unsigned

    async def lookup(self, name: str, rdtype: Rdtype) -> Answer:
        answer = await super().lookup(name, rdtype)
        return replace(answer, authentic=answer.authentic and (name, rdtype) not in self._unsigned)


class Land:
    def __init__(self, db: Sqlite, zone: str, *, signed: bool, settings: Settings) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        self.db = db
        self.clock = VirtualClock(loop)
        self.zone = Zone(zone, authentic=signed)
        self.unsigned: set[tuple[str, Rdtype]] = set()
        self.network = MemoryNetwork()
        self.settings = settings
        self.verified = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        AUTHORITY.configure_trust(self.verified)
        self.restart()

    def restart(self, *, idle: float = 0) -> None:
        """What is only in memory is gone. `idle`: seconds for which connections are kept."""
        resolver, dialer = Signed(self.zone, self.clock, self.unsigned), self.network.dialer()
        self.guard = Policies(self.db, resolver, dialer, self.clock, self.settings, self.verified)
        options = Options("mail.here.example", ipv6=False, idle=idle)
        self.transport = RemoteTransport(resolver, dialer, self.clock, SeededChance(1), options, self.guard)

    def host(
        self,
        address: str = "10.0.0.1",
        *names: str,
        by: trustme.CA = AUTHORITY,
        offers: tuple[str, ...] = ("STARTTLS", "PIPELINING"),
        **dates: Any,
    ) -> Far:
        """A mail host that shows a certificate for `names`."""
        far = Far(extensions=offers)
        self.certify(address, *(names or (MX,)), by=by, **dates)
        self.network.listen(address, 25, far.serve)
        return far

    def certify(self, address: str, *names: str, by: trustme.CA = AUTHORITY, **dates: Any) -> bytes:
        """Give the server at `address` a new certificate; that in DER."""
        issued = by.issue_cert(*names, **dates)
        context = self.network.certificates[address] = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        issued.configure_cert(context)
        return ssl.PEM_cert_to_DER_cert(issued.cert_chain_pems[0].bytes().decode())

    def web(self, body: str = POLICY, id: str = "1", domain: str = "there.example") -> Web:
        """A web server with a policy, and the record that says so."""
        web = Web(body)
        name = f"mta-sts.{domain}"
        self.zone.add(f"{name} A 10.0.9.1")
        self.announce(id, domain)
        self.certify("10.0.9.1", name)
        self.network.listen("10.0.9.1", 443, web.serve)
        return web

    def announce(self, id: str, domain: str = "there.example") -> None:
        self.zone.remove(f"_mta-sts.{domain}")
        self.zone.add(f'_mta-sts.{domain} TXT "v=STSv1; id={id};"')

    async def send(
        self,
        protection: Protection = Protection.USUAL,
        *,
        sender: Address | None = ANA,
        to: Address = BOB,
    ) -> Outcome:
        async def content() -> bytes:
            return b"Subject: hello\r\n\r\nbody\r\n"

        message = Outgoing(sender, content, 24, "7BIT", False, terms=Terms(protection=protection))
        (outcome,) = await self.transport.deliver(message, [to])
        return outcome

    async def counted(self) -> dict[tuple[str, str, str], int]:
        """(policy, host, result) of all that was counted."""
        await self.transport.close()
        counts: dict[tuple[str, str, str], int] = {}
        for one, count in await self.db.read(sessions, 0):
            key = one.policy.value, one.mx, one.result.value if one.result else ""
            counts[key] = counts.get(key, 0) + count
        return counts

    async def kept(self) -> list[Kept]:
        return await self.db.read(kept_policies, self.clock.now())


@asynccontextmanager
async def land(
    zone: str = ZONE, *, signed: bool = False, settings: Settings | None = None
) -> AsyncIterator[Land]:
    with tempfile.TemporaryDirectory() as folder:
        db = await Sqlite.open(Path(folder) / "correo.db", now=0, threaded=False)
        here = Land(db, zone, signed=signed, settings=settings or Settings(ipv6=False))
        try:
            yield here
        finally:
            await here.transport.close()
            await here.network.close()
            await db.close()


Scenario = Callable[[Land], Coroutine[Any, Any, None]]


def in_a_land(
    zone: str = ZONE, *, signed: bool = False, settings: Settings | None = None
) -> Callable[[Scenario], Callable[[], None]]:
    """Make a test of what happens in a land, in virtual time."""

    def made(scenario: Scenario) -> Callable[[], None]:
        async def main() -> None:
            async with land(zone, signed=signed, settings=settings) as here:
                await scenario(here)

        def test() -> None:
            run(main())

        return test

    return made
