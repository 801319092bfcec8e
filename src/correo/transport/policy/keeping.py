"""Policies of MTA-STS, kept in the database until they expire, and renewed before (RFC 8461 §3.3, §5.1)."""

from __future__ import annotations

import ssl
from collections.abc import Awaitable
from dataclasses import dataclass

import structlog

from correo.clock import Clock
from correo.dns import DnsFailure, Resolver
from correo.dns.flights import Flights
from correo.mail.errors import Refused
from correo.mail.instant import DAY, MINUTE, SECOND
from correo.net import Dialer
from correo.storage.db import Database, Tx
from correo.transport.policy import Source
from correo.transport.policy.fetching import NotFetched, fetch
from correo.transport.policy.results import Tally
from correo.transport.policy.sts import Mode, StsPolicy, record_id

RENEW = 1 * DAY  # a policy is fetched again after so long, or after half its life where that is shorter
# After a failure nobody asks again for so long (RFC 8461 §3.3 has five minutes): each attempt makes mail wait.
PAUSE = 10 * MINUTE
MAX_PAUSING = 10_000  # domains whose last fetch failed; the oldest is forgotten first
IDLE = 30 * DAY  # nobody writes to the domain any more: its policy is left to expire
MAX_RENEWED = 100  # in one sweep

log = structlog.get_logger("transport")


@dataclass(frozen=True, slots=True)
class Kept:
    """A row. Times are µs UTC."""

    domain: str
    policy_id: str
    policy: StsPolicy
    fetched: int
    expires: int
    refresh_at: int
    used: int


@dataclass(frozen=True, slots=True)
class Found:
    policy: StsPolicy | None = None  # None: there is none
    doubtful: bool = False  # there should be one, but it could not be fetched


class StsPolicies:
    """The policies of other domains. `context` verifies web servers."""

    def __init__(
        self,
        db: Database,
        resolver: Resolver,
        dialer: Dialer,
        clock: Clock,
        context: ssl.SSLContext,
        tally: Tally,
        *,
        ipv6: bool,
    ) -> None:
        self._db = db
        self._resolver = resolver
        self._dialer = dialer
        self._clock = clock
        self._context = context
        self._tally = tally
        self._ipv6 = ipv6
        self._flights: Flights[tuple[str, str], Kept | None] = Flights()
        self._pausing: dict[str, int] = {}  # until when

    async def of(self, domain: str) -> Found:
        """What holds for a folded domain now. Raises Refused where the database cannot be read."""
        now = self._clock.now()
        kept = await self._db.read(find, domain, now)
        published = await self._published(domain)
        if published and not self._is_fresh(kept, published, now):
            if not self._rests(domain, now):
                fetched = await self._flights.share(
                    (domain, published), lambda: self._fetch(domain, published)
                )
                kept = fetched or kept
            if kept is None:
                return Found(doubtful=True)
        if kept is None:
            return Found()
        if kept.used < now - DAY:
            await self._keep(self._db.write(use, domain, now))
        return Found(kept.policy)

    async def renew(self) -> None:
        """Fetch again what will expire and is in use: whoever blocks the fetching must do so for long (RFC 8461 §10.2)."""
        now = self._clock.now()
        await self._db.write(forget, now)
        for kept in await self._db.read(due, now, now - IDLE, MAX_RENEWED):
            published = await self._published(kept.domain)
            renewed = None
            if published and not self._rests(kept.domain, now):
                renewed = await self._fetch(kept.domain, published)
            if renewed is None:
                await self._db.write(postpone, kept.domain, now + RENEW // 4)

    async def _published(self, domain: str) -> str | None:
        """The id that the DNS has. None changes nothing about what is kept (RFC 8461 §5.1)."""
        try:
            answer = await self._resolver.lookup(f"_mta-sts.{domain}", "TXT")
        except DnsFailure:
            return None
        return record_id(answer.of(bytes))

    def _is_fresh(self, kept: Kept | None, published: str, now: int) -> bool:
        return kept is not None and kept.policy_id == published and kept.fetched <= now < kept.refresh_at

    def _rests(self, domain: str, now: int) -> bool:
        return 0 < self._pausing.get(domain, 0) - now <= PAUSE

    async def _fetch(self, domain: str, published: str) -> Kept | None:
        try:
            policy = await fetch(domain, self._resolver, self._dialer, self._context, ipv6=self._ipv6)
        except NotFetched as failed:
            log.warning("MTA-STS policy not fetched", domain=domain, reason=str(failed))
            self._tally.note(domain, Source.STS, "", failed.failure)
            self._pause(domain)
            return None
        now = self._clock.now()
        life = policy.max_age * SECOND
        kept = Kept(domain, published, policy, now, now + life, now + min(RENEW, life // 2), now)
        await self._keep(self._db.write(keep, kept))
        self._pausing.pop(domain, None)
        return kept

    async def _keep(self, write: Awaitable[None]) -> None:
        """Or do without: a full disk is no reason for mail to wait when its policy is known."""
        try:
            await write
        except Refused as refused:
            log.warning("MTA-STS policy not kept", reason=refused.detail)

    def _pause(self, domain: str) -> None:
        self._pausing.pop(domain, None)
        if len(self._pausing) >= MAX_PAUSING:
            del self._pausing[next(iter(self._pausing))]
        self._pausing[domain] = self._clock.now() + PAUSE


_ROW = "domain, policy_id, mode, mx, fetched, expires, refresh_at, used"


async def find(tx: Tx, domain: str, now: int) -> Kept | None:
    """What is kept of a folded domain and has not expired."""
    row = await tx.one(f"SELECT {_ROW} FROM transport_sts WHERE domain = $1 AND expires > $2", domain, now)
    return _kept(*row) if row else None


async def keep(tx: Tx, kept: Kept) -> None:
    await tx.run(
        f"""INSERT INTO transport_sts ({_ROW}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
            ON CONFLICT (domain) DO UPDATE SET policy_id = excluded.policy_id, mode = excluded.mode,
              mx = excluded.mx, fetched = excluded.fetched, expires = excluded.expires,
              refresh_at = excluded.refresh_at""",
        kept.domain,
        kept.policy_id,
        kept.policy.mode.value,
        " ".join(kept.policy.mx),
        kept.fetched,
        kept.expires,
        kept.refresh_at,
        kept.used,
    )


async def use(tx: Tx, domain: str, now: int) -> None:
    await tx.run("UPDATE transport_sts SET used = $1 WHERE domain = $2", now, domain)


async def postpone(tx: Tx, domain: str, until: int) -> None:
    """Not to be fetched again before `until`."""
    await tx.run("UPDATE transport_sts SET refresh_at = $1 WHERE domain = $2", until, domain)


async def forget(tx: Tx, now: int) -> int:
    """What has expired; how many."""
    return await tx.run("DELETE FROM transport_sts WHERE expires <= $1", now)


async def due(tx: Tx, now: int, used_since: int, limit: int) -> list[Kept]:
    """What is to be fetched again, the most urgent first."""
    rows = await tx.all(
        f"""SELECT {_ROW} FROM transport_sts WHERE refresh_at <= $1 AND used >= $2
            ORDER BY refresh_at LIMIT $3""",
        now,
        used_since,
        limit,
    )
    return [_kept(*row) for row in rows]


async def kept_policies(tx: Tx, now: int, domain: str = "") -> list[Kept]:
    """Of one domain or of all, by name."""
    if domain:
        one = await find(tx, domain, now)
        return [one] if one else []
    rows = await tx.all(f"SELECT {_ROW} FROM transport_sts WHERE expires > $1 ORDER BY domain", now)
    return [_kept(*row) for row in rows]


def _kept(
    domain: str,
    policy_id: str,
    mode: str,
    mx: str,
    fetched: int,
    expires: int,
    refresh_at: int,
    used: int,
) -> Kept:
    policy = StsPolicy(Mode(mode), tuple(mx.split()), (expires - fetched) // SECOND)
    return Kept(domain, policy_id, policy, fetched, expires, refresh_at, used)
