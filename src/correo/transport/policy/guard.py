"""The ways in which one host may be dialled, the best first: what its domain publishes, the operator wants and the sender asks for."""

from __future__ import annotations

import ssl
from collections.abc import Collection
from dataclasses import dataclass, replace
from enum import IntEnum
from functools import partial

from correo.clock import Clock
from correo.dns import DnsFailure, Resolver
from correo.mail.protection import Protection
from correo.mail.status import Status
from correo.net import Dialer
from correo.net.tls import opportunistic_context
from correo.storage.db import Database
from correo.transport.connection import Trouble
from correo.transport.guard import CLEAR
from correo.transport.hops import Hop, Security
from correo.transport.policy import Failure, Source
from correo.transport.policy.dane import Tlsas, failure, tlsas
from correo.transport.policy.keeping import Found, StsPolicies
from correo.transport.policy.results import Tally
from correo.transport.policy.sts import Mode, StsPolicy


class Level(IntEnum):
    """What the operator asks for."""

    MAY = 0  # TLS where it is offered
    ENCRYPT = 1  # TLS, with whatever certificate
    VERIFY = 2  # TLS, with a certificate of the mail host


@dataclass(frozen=True, slots=True)
class Settings:
    """What the operator wants. Lists are of domains, `.example.com` for all below one, `*` for all there are."""

    encrypt: Collection[str] = ()
    verify: Collection[str] = ()
    sts: bool = True  # heed MTA-STS
    dane: bool = True  # heed TLSA records
    ipv6: bool = True

    def level(self, domain: str) -> Level:
        if _listed(domain, self.verify):
            return Level.VERIFY
        return Level.ENCRYPT if _listed(domain, self.encrypt) else Level.MAY


@dataclass(frozen=True, slots=True)
class _Published:
    """What a domain asks for at one host. `way` None: nothing, or nothing that this host can satisfy."""

    way: Security | None = None
    enforced: bool = False
    proves: bool = False  # `way` proves the server, and its name is proved as well
    trouble: Trouble | None = None  # the host is not to be used where the policy is heeded


class Policies:
    """A `Guard` that knows everything: DANE, MTA-STS, the operator's lists, REQUIRETLS and `TLS-Required: No`."""

    def __init__(
        self,
        db: Database,
        resolver: Resolver,
        dialer: Dialer,
        clock: Clock,
        settings: Settings,
        verified: ssl.SSLContext,
    ) -> None:
        """`verified` trusts the authorities that certificates of mail hosts and of policies must come from."""
        self._resolver = resolver
        self._clock = clock
        self._settings = settings
        self._tally = Tally(db, clock)
        self._sts = StsPolicies(db, resolver, dialer, clock, verified, self._tally, ipv6=settings.ipv6)
        opportunistic = opportunistic_context()
        self._opportunistic = Security(opportunistic)
        self._encrypted = Security(opportunistic, required=True)
        self._verified = Security(verified, required=True, by="verified")

    async def ways(
        self, domain: str, hop: Hop, wanted: Protection, *, notice: bool
    ) -> tuple[Security, ...] | Trouble:
        """How `hop` may be dialled with mail for a folded `domain`, never empty. `notice`: with the null reverse-path."""
        published = await self._published(domain, hop)
        if wanted is Protection.REQUIRED:
            strict = self._strict(domain, hop, published)
            if not notice:
                return strict if isinstance(strict, Trouble) else (strict,)
            # RFC 8689 §5: a notice is not lost because its way back cannot protect it as well.
            usual = self._usual(domain, published)
            return usual if isinstance(strict, Trouble) or isinstance(usual, Trouble) else (strict, *usual)
        if wanted is Protection.OPTIONAL:  # RFC 8689 §4.2.2: tried as the domain wants it, but not only so
            base = self._base(domain)
            return (published.way, *base) if published.way else base
        return self._usual(domain, published)

    def note(self, domain: str, hop: Hop, way: Security, result: Failure | None) -> None:
        """A connection came to where it is protected or not."""
        if not hop.name.startswith("["):
            self._tally.note(domain, way.source, hop.name, result)

    async def renew(self) -> None:
        """Fetch again the policies that will expire soon, and forget what was counted long ago."""
        await self._tally.sweep()
        if self._settings.sts:
            await self._sts.renew()

    async def close(self) -> None:
        await self._tally.close()

    # -- what is asked for -------------------------------------------------------------------------------------------

    def _usual(self, domain: str, published: _Published) -> tuple[Security, ...] | Trouble:
        if published.trouble and published.enforced:
            return published.trouble
        base = self._base(domain)
        if published.way is None:
            return base
        if not published.enforced:
            return published.way, *base
        if self._settings.level(domain) is Level.VERIFY and not published.proves:
            return base
        return (published.way,)

    def _base(self, domain: str) -> tuple[Security, ...]:
        match self._settings.level(domain):
            case Level.VERIFY:
                return (self._verified,)
            case Level.ENCRYPT:
                return (self._encrypted,)
            case Level.MAY:
                # RFC 7435 §3: with any server, opportunistic security is better than none, and none better than no mail.
                return self._opportunistic, CLEAR

    def _strict(self, domain: str, hop: Hop, published: _Published) -> Security | Trouble:
        """RFC 8689 §4.2.1: the name of the host is proved, and so is its certificate."""
        if published.way and published.proves:
            return replace(published.way, by=f"REQUIRETLS, {published.way.by}", requiretls=True)
        if published.trouble and published.enforced:
            return published.trouble
        if hop.named_securely or hop.name == domain:
            return replace(self._verified, by="REQUIRETLS", requiretls=True)
        if published.trouble:
            return published.trouble
        words = f"neither DNSSEC nor MTA-STS proves that {hop.name} is a mail host of {domain}, which REQUIRETLS needs"
        return Trouble(Status(550, "5.7.10", words), unprotected=True)

    # -- what is published -------------------------------------------------------------------------------------------

    async def _published(self, domain: str, hop: Hop) -> _Published:
        if hop.name.startswith("["):
            return _Published()
        try:
            found = await tlsas(self._resolver, hop) if self._settings.dane else None
        except DnsFailure as failed:
            self._tally.note(domain, Source.TLSA, hop.name, Failure.DNSSEC_INVALID)
            words = f"the DNS gives no answer about {failed.name} at present, so {hop.name} cannot be proved"
            trouble = Trouble(Status(451, "4.7.5", words), unprotected=True)
            return _Published(enforced=True, trouble=trouble)
        if found and found.records:
            return _Published(self._by_dane(domain, hop, found), enforced=True, proves=True)
        sts = await self._sts.of(domain) if self._settings.sts else Found()
        by_sts = self._by_sts(domain, hop, sts)
        if found and not by_sts.enforced:
            # RFC 7672 §2.2: records that nobody can use still say that there is TLS.
            way = replace(self._encrypted, by="DANE without a usable record", source=Source.TLSA)
            return _Published(way, enforced=True)
        return by_sts

    def _by_dane(self, domain: str, hop: Hop, found: Tlsas) -> Security:
        names = tuple(dict.fromkeys((found.base, hop.name, domain)))
        return replace(
            self._encrypted,
            by="DANE",
            source=Source.TLSA,
            name=found.base,
            proof=partial(self._proof, found, names),
        )

    def _proof(self, found: Tlsas, names: tuple[str, ...], chain: tuple[bytes, ...]) -> Failure | None:
        return failure(found.records, chain, names, self._clock.now())

    def _by_sts(self, domain: str, hop: Hop, found: Found) -> _Published:
        if found.policy is None:
            if not found.doubtful:
                return _Published()
            # Nothing is known of what it asks for: only who asks for protection himself has to wait.
            words = f"the MTA-STS policy of {domain} cannot be fetched at present"
            return _Published(trouble=Trouble(Status(451, "4.7.5", words), unprotected=True))
        return self._as_policy(domain, hop, found.policy)

    def _as_policy(self, domain: str, hop: Hop, policy: StsPolicy) -> _Published:
        if policy.mode is Mode.NONE:
            return _Published()
        enforced = policy.mode is Mode.ENFORCE
        if not policy.allows(hop.name):
            self._tally.note(domain, Source.STS, hop.name, Failure.ANY)
            words = f"{hop.name} is not among the mail hosts in the MTA-STS policy of {domain}"
            trouble = Trouble(Status(451, "4.7.5", words), unprotected=True)
            return _Published(enforced=enforced, trouble=trouble)
        by = "MTA-STS" if enforced else "MTA-STS in testing"
        way = replace(self._verified, by=by, source=Source.STS)
        return _Published(way, enforced=enforced, proves=True)


def _listed(domain: str, names: Collection[str]) -> bool:
    if "*" in names or domain in names:
        return True
    above = domain
    while "." in above:
        above = above.partition(".")[2]
        if f".{above}" in names:
            return True
    return False
