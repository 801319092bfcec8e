"""One message to recipients elsewhere: their hosts are tried in order until each recipient has an answer that stands."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from correo.clock import Chance, Clock
from correo.dns import Resolver
from correo.mail.address import Address
from correo.mail.outcome import Deferred, Failed, Outcome
from correo.mail.status import Status
from correo.net import Dialer
from correo.net.tap import Taps
from correo.net.tls import verified_context
from correo.transport import Outgoing
from correo.transport.connection import Answer, Connection, Trouble, open_connection
from correo.transport.guard import Guard, Opportunistic
from correo.transport.hops import Hop, MxRoute, Ourselves, Security
from correo.transport.paths import Path, Paths
from correo.transport.policy import Failure
from correo.transport.pool import Pool, Silent
from correo.transport.routes import Routes
from correo.transport.smarthost import Smarthost, SmarthostGuard, SmarthostRoute

MAX_ADDRESSES = 10  # tried for one delivery: what nobody answers costs half a minute each
MAX_SESSIONS = 3  # servers that answered but took not everybody, before the rest waits for the next time
MAX_RENEWALS = (
    20  # connections to one server, one after the other, because each is good for a few recipients only
)

_NOWHERE = Status(451, "4.4.1", "no host could be tried")


@dataclass(frozen=True, slots=True)
class Options:
    hostname: str  # what we call ourselves; a server that greets with it is ourselves
    port: int = 25
    ipv6: bool = True
    smarthost: Smarthost | None = None
    routes: Routes = field(default_factory=Routes)
    tls: bool = True  # use STARTTLS where it is offered; without effect where there is a guard
    verified: ssl.SSLContext | None = None  # whom certificates must come from; None: whom the system trusts
    own_names: frozenset[str] = (
        frozenset()
    )  # more names that MX records may have for this server, in lower case
    own_endpoints: frozenset[tuple[str, int]] = frozenset()  # where it listens; :: and 0.0.0.0 too
    idle: float = 5.0  # seconds a connection is kept for the next message; 0 for not at all
    max_messages: int = 100  # on one connection: some servers hang up after as many
    silence: float = 30.0  # seconds for which a host that did not answer is not tried again


class RemoteTransport:
    """A `Transport` to the Internet, or to a smarthost."""

    def __init__(
        self,
        resolver: Resolver,
        dialer: Dialer,
        clock: Clock,
        chance: Chance,
        options: Options,
        guard: Guard | None = None,
        dial_from: Callable[[str], Dialer] | None = None,
        taps: Taps | None = None,
    ) -> None:
        """`guard` None: nothing is asked of TLS. A smarthost brings its own. `dial_from` makes a dialer of a local address; by
        `taps` connections are watched."""
        self.routes = options.routes
        self._dialer = dialer
        self._options = options
        self._taps = taps
        self._ourselves = Ourselves(options.own_names | {options.hostname.lower()}, options.own_endpoints)
        self._paths, self._guard = self._choose(resolver, chance, guard, dial_from)
        self._pool = Pool(idle=options.idle, max_messages=options.max_messages)
        self._silent = Silent(clock, options.silence)

    def lane(self, destination: str) -> str:
        return self._paths.find(destination).lane(destination)

    async def deliver(self, message: Outgoing, recipients: Sequence[Address]) -> list[Outcome]:
        """One outcome for each recipient, in order; all of one lane. Raises what `message.content` raises."""
        domain = recipients[0].host
        destination = message.destination or domain
        path = self._paths.find(destination)
        if path.end:
            return [path.end] * len(recipients)
        errand = _Errand(message, recipients, path)
        # A connection is kept for messages that want the same of it.
        lane = f"{path.lane(destination)} {message.terms.protection.value} {errand.notice}"
        if (kept := await self._pool.take(lane)) is not None:
            # Whoever it does not take is tried anew from the start: an old connection may be out of favour.
            await self._use(lane, kept, errand, errand.left)
        if errand.left:
            hops = await path.hops.hops(domain)
            if isinstance(hops, tuple):
                await self._walk(lane, hops, errand)
            else:
                errand.settle_rest(hops)
        return errand.outcomes()

    async def renew(self) -> None:
        """Look after the policies that are kept; to be called once in a while."""
        await self._guard.renew()

    async def close(self) -> None:
        await self._pool.close()
        await self._guard.close()

    def _choose(
        self,
        resolver: Resolver,
        chance: Chance,
        guard: Guard | None,
        dial_from: Callable[[str], Dialer] | None,
    ) -> tuple[Paths, Guard]:
        options = self._options
        guard = guard or Opportunistic(tls=options.tls)
        route = MxRoute(resolver, chance, port=options.port, ipv6=options.ipv6, ourselves=self._ourselves)
        usual = mx = Path(route, guard, self._dialer)
        if options.smarthost:
            relay = SmarthostRoute(resolver, options.smarthost, ipv6=options.ipv6)
            protection = SmarthostGuard(options.smarthost, options.verified or verified_context())
            usual = Path(relay, protection, self._dialer, ours=True)
        paths = Paths(
            options.routes,
            usual,
            mx,
            resolver=resolver,
            ipv6=options.ipv6,
            verified=options.verified,
            dial_from=dial_from,
        )
        return paths, guard

    async def _walk(self, lane: str, hops: Sequence[Hop], errand: _Errand) -> None:
        sessions = 0
        for hop in hops[:MAX_ADDRESSES]:
            opened = await self._open(hop, errand)
            if isinstance(opened, Trouble):
                errand.troubles.append(opened)
                if opened.ourselves:
                    return  # those after us would only bring it back (RFC 5321 §5.1)
            else:
                await self._exhaust(lane, hop, opened, errand)
                sessions += 1
            if not errand.left or sessions == MAX_SESSIONS:
                return

    async def _exhaust(self, lane: str, hop: Hop, opened: Connection | Trouble, errand: _Errand) -> None:
        """Ask one server about everybody, on as many connections as its limits make necessary (RFC 9422 §4)."""
        left: Sequence[int] = errand.left
        for _ in range(MAX_RENEWALS):
            if isinstance(opened, Trouble):
                errand.troubles.append(opened)
                return
            left = await self._use(lane, opened, errand, left)
            if not left:
                return
            opened = await self._open(hop, errand)
        if isinstance(opened, Connection):
            self._pool.put(lane, opened)
        errand.troubles.append(Trouble(Status(451, "4.5.3", f"{hop} takes fewer recipients at once")))

    async def _open(self, hop: Hop, errand: _Errand) -> Connection | Trouble:
        if known := self._silent.known(hop):
            return known
        path, wanted = errand.path, errand.message.terms.protection
        domain = path.policy_domain or errand.recipients[0].host
        ways = await path.guard.ways(domain, hop, wanted, notice=errand.notice)
        if isinstance(ways, Trouble):
            return ways
        opened = await self._dial(hop, ways[0], path)
        self._note(path.guard, domain, hop, ways[0], opened)
        for before, way in pairwise(ways):
            if not (isinstance(opened, Trouble) and opened.unprotected):
                break
            missed = f"{before.by} failed: {opened.status.text}" if before.by else ""
            opened = await self._dial(hop, way, path)
            if isinstance(opened, Connection) and missed:
                opened.policy = missed
        if isinstance(opened, Trouble):
            self._silent.note(hop, opened)
            if opened.ourselves and path.ours:
                # A fault in the configuration, which the operator will correct: no mail goes back for it.
                return replace(opened, status=Status(451, "4.3.5", f"the relay {hop} is this server itself"))
        return opened

    def _note(self, guard: Guard, domain: str, hop: Hop, way: Security, opened: Connection | Trouble) -> None:
        """How the handshake went, where it came to one."""
        if isinstance(opened, Connection):
            if way.context is not None:
                guard.note(domain, hop, way, None if opened.tls else Failure.NOT_OFFERED)
        elif opened.failure is not None:
            guard.note(domain, hop, way, opened.failure)

    async def _dial(self, hop: Hop, security: Security, path: Path) -> Connection | Trouble:
        hostname = self._options.hostname
        # Programs on this machine that take mail by LMTP are called as it is.
        ourselves = Ourselves(frozenset()) if path.lmtp else self._ourselves
        return await open_connection(
            path.dialer, hop, hostname=hostname, ourselves=ourselves, security=security, taps=self._taps
        )

    async def _use(
        self, lane: str, connection: Connection, errand: _Errand, asking: Sequence[int]
    ) -> Sequence[int]:
        """In as many transactions as the server's limits make of it; who is left that only a new connection admits."""
        left = list(asking)
        while left and connection.usable:
            count = connection.admits([errand.recipients[at] for at in left])
            if not count:
                break
            asked, left = left[:count], left[count:]
            try:
                answers = await connection.send(errand.message, [errand.recipients[at] for at in asked])
            except BaseException:
                connection.abort()
                raise
            for at, answer in zip(asked, answers, strict=True):
                errand.note(at, answer)
        lost = not connection.usable
        self._pool.put(lane, connection)
        return () if lost else left


class _Errand:
    """What is known so far about each recipient of one delivery."""

    def __init__(self, message: Outgoing, recipients: Sequence[Address], path: Path) -> None:
        self.message = message
        self.path = path
        self.recipients = recipients
        self.notice = message.sender is None
        self.left = list(range(len(recipients)))  # who may still be tried elsewhere
        self.troubles: list[Trouble] = []
        self._outcomes: list[Outcome | None] = [None] * len(recipients)

    def note(self, at: int, answer: Answer) -> None:
        self._outcomes[at] = answer.outcome
        if answer.final:
            self.left.remove(at)

    def settle_rest(self, outcome: Deferred | Failed) -> None:
        for at in self.left:
            self._outcomes[at] = self._outcomes[at] or outcome
        self.left.clear()

    def outcomes(self) -> list[Outcome]:
        rest = self._rest()
        return [outcome or rest for outcome in self._outcomes]

    def _rest(self) -> Outcome:
        """For whom no server has answered: the last that said why, and never only where all of them said so."""
        if not self.troubles:
            return Deferred(_NOWHERE)
        temporary = [trouble for trouble in self.troubles if not trouble.status.permanent]
        telling = [trouble for trouble in temporary or self.troubles if trouble.host]
        return (telling or temporary or self.troubles)[-1].outcome()
