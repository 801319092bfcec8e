"""One message to recipients elsewhere: their hosts are tried in order until each recipient has an answer that stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from correo.clock import Chance, Clock
from correo.dns import Resolver
from correo.mail.address import Address
from correo.mail.outcome import Deferred, Failed, Outcome
from correo.mail.status import Status
from correo.net import Dialer
from correo.net.tls import opportunistic_context
from correo.transport import Outgoing
from correo.transport.connection import Answer, Connection, Trouble, open_connection
from correo.transport.hops import Hop, MxRoute, Ourselves, Route, Security
from correo.transport.pool import Pool, Silent
from correo.transport.smarthost import Smarthost, SmarthostRoute

MAX_ADDRESSES = 10  # tried for one delivery: what nobody answers costs half a minute each
MAX_SESSIONS = 3  # servers that answered but took not everybody, before the rest waits for the next time

_NOWHERE = Status(451, "4.4.1", "no host could be tried")


@dataclass(frozen=True, slots=True)
class Options:
    hostname: str  # what we call ourselves; a server that greets with it is ourselves
    port: int = 25
    ipv6: bool = True
    smarthost: Smarthost | None = None
    tls: bool = True  # use STARTTLS where it is offered
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
        self, resolver: Resolver, dialer: Dialer, clock: Clock, chance: Chance, options: Options
    ) -> None:
        self._dialer = dialer
        self._options = options
        self._ourselves = Ourselves(options.own_names | {options.hostname.lower()}, options.own_endpoints)
        self._route = self._choose(resolver, chance)
        self._pool = Pool(idle=options.idle, max_messages=options.max_messages)
        self._silent = Silent(clock, options.silence)

    def lane(self, destination: str) -> str:
        return self._route.lane(destination)

    async def deliver(self, message: Outgoing, recipients: Sequence[Address]) -> list[Outcome]:
        """One outcome for each recipient, in order; all of one lane. Raises what `message.content` raises."""
        destination = recipients[0].host
        lane = self._route.lane(destination)
        errand = _Errand(message, recipients)
        if (kept := await self._pool.take(lane)) is not None:
            # Whoever it does not take is tried anew from the start: an old connection may be out of favour.
            await self._use(lane, kept, errand)
        if errand.left:
            hops = await self._route.hops(destination)
            if isinstance(hops, tuple):
                await self._walk(lane, hops, errand)
            else:
                errand.settle_rest(hops)
        return errand.outcomes()

    async def close(self) -> None:
        await self._pool.close()

    def _choose(self, resolver: Resolver, chance: Chance) -> Route:
        options = self._options
        if options.smarthost:
            return SmarthostRoute(resolver, options.smarthost, ipv6=options.ipv6)
        return MxRoute(
            resolver,
            chance,
            Security(opportunistic_context() if options.tls else None),
            port=options.port,
            ipv6=options.ipv6,
            ourselves=self._ourselves,
        )

    async def _walk(self, lane: str, hops: Sequence[Hop], errand: _Errand) -> None:
        sessions = 0
        for hop in hops[:MAX_ADDRESSES]:
            opened = await self._open(hop)
            if isinstance(opened, Trouble):
                errand.troubles.append(opened)
                if opened.ourselves:
                    return  # those after us would only bring it back (RFC 5321 §5.1)
            else:
                await self._use(lane, opened, errand)
                sessions += 1
            if not errand.left or sessions == MAX_SESSIONS:
                return

    async def _open(self, hop: Hop) -> Connection | Trouble:
        if known := self._silent.known(hop):
            return known
        opened = await self._dial(hop, self._route.security)
        if isinstance(opened, Trouble) and opened.handshake:
            # RFC 7435 §3: with any server, opportunistic security is better than none, and none better than no mail.
            opened = await self._dial(hop, Security(None))
        if isinstance(opened, Trouble):
            self._silent.note(hop, opened)
            if opened.ourselves and self._options.smarthost:
                # A fault in the configuration, which the operator will correct: no mail goes back for it.
                return replace(opened, status=Status(451, "4.3.5", f"the relay {hop} is this server itself"))
        return opened

    async def _dial(self, hop: Hop, security: Security) -> Connection | Trouble:
        hostname = self._options.hostname
        return await open_connection(
            self._dialer, hop, hostname=hostname, ourselves=self._ourselves, security=security
        )

    async def _use(self, lane: str, connection: Connection, errand: _Errand) -> None:
        left = list(errand.left)
        try:
            answers = await connection.send(errand.message, [errand.recipients[at] for at in left])
        except BaseException:
            connection.abort()
            raise
        for at, answer in zip(left, answers, strict=True):
            errand.note(at, answer)
        self._pool.put(lane, connection)


class _Errand:
    """What is known so far about each recipient of one delivery."""

    def __init__(self, message: Outgoing, recipients: Sequence[Address]) -> None:
        self.message = message
        self.recipients = recipients
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
