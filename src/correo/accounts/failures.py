"""Who fails to log in again and again is answered slowly, and then not at all for a while, by whichever protocol he comes.

Counted are networks: an IPv4 address or IPv6 /64, and five times as generously the /24 or /48 around it; and login names, whether they
exist or not. Failures are forgotten with time. A network that is banned is turned away before its password is looked at; a login name
is barred only to those wider networks from which nobody has logged in as it, so that strangers cannot lock its owner out. The same wrong password
again, from the same network, counts once: that is a mail program whose owner has changed his password.

All of it is in memory and bounded; a restart begins anew (docs/decisions/0016-bans.md).
"""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Generic, TypeVar

import structlog

from correo.mail.errors import Kind, Refused
from correo.mail.instant import DAY, MINUTE, SECOND
from correo.net.limits import network_of

log = structlog.get_logger("accounts")

MOST = 10_000  # networks, and login names, that are remembered; the one that was quiet for longest is forgotten first
WIDE = 5  # times as many failures are let pass for what many people share: a wider network, or a login name
PATIENT = 2  # failures that are answered at once: people mistype
SLOWEST = 16.0  # seconds; mail programs wait for half a minute at least
REPEATS = 8  # wrong passwords of one network that are known again
# Wider networks from which somebody logs in that are remembered for each login name: telephones have another /64 every hour, and
# strangers beside them are counted in that network, up to as many failures as bar the name.
HOMES = 8
HOME_AGE = 30 * DAY
HOME_RENEWED = (
    10 * MINUTE
)  # how old it may be before it is noted again, and told to others: mail programs log in every few minutes
MAX_LOGIN = 320  # characters of a login name that matter

K = TypeVar("K")
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Client:
    """Who tries to log in, and how he came."""

    protocol: str = ""  # smtp, imap or pop3; "" has no app passwords
    address: str = ""  # "" is nobody who could be banned


@dataclass(frozen=True, slots=True)
class Patience:
    """How much is borne. Times are in µs."""

    failures: int = 20  # of one network before it is banned; 0 bans nobody
    window: int = 10 * MINUTE  # in which so many are forgotten
    ban: int = 15 * MINUTE
    exempt: tuple[str, ...] = ()  # networks that nothing is counted of


@dataclass(slots=True)
class _Record:
    level: float = 0.0  # failures that are not forgotten yet
    at: int = 0  # as of when; the end of a ban, so that it does not pass for patience
    until: int = 0  # banned


class Recent(Generic[K, V]):
    """A dictionary of the `most` that were touched last."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._entries: OrderedDict[K, V] = OrderedDict()

    def get(self, key: K) -> V | None:
        return self._entries.get(key)

    def put(self, key: K, value: V) -> None:
        self._entries[key] = value
        self._entries.move_to_end(key)
        if len(self._entries) > self._most:
            self._entries.popitem(last=False)

    def __len__(self) -> int:
        return len(self._entries)


@dataclass(slots=True)
class Failures:
    patience: Patience = field(default_factory=Patience)
    _records: Recent[str, _Record] = field(default_factory=lambda: Recent(MOST))
    _names: Recent[str, _Record] = field(default_factory=lambda: Recent(MOST))
    _wrong: Recent[str, list[bytes]] = field(default_factory=lambda: Recent(MOST))
    _homes: Recent[str, dict[str, int]] = field(default_factory=lambda: Recent(MOST))

    def check(self, client: Client, login: str, now: int) -> None:
        """Raises Refused(TOO_MANY) while the client is banned; `login` is "" as long as it is not known."""
        network = self._network(client)
        if not network:
            return
        for name in (network, wide_network_of(client.address)):
            if self._banned(self._records.get(name), now):
                raise Refused(Kind.TOO_MANY, f"too many failures from {name}")
        name = folded(login)
        if self._banned(self._names.get(name), now) and not self._is_home(name, client, now):
            raise Refused(Kind.TOO_MANY, "too many failures for this login name")

    def failed(self, client: Client, login: str, mark: bytes, now: int) -> float:
        """Count it; seconds that the answer is to be held back. `mark` is a digest of the wrong password, b"" where none was seen."""
        network = self._network(client)
        if not network:
            return 0.0
        name = folded(login)
        known = self._wrong.get(network) or []
        if not mark or mark not in known:
            if mark:
                self._wrong.put(network, [*known[-REPEATS + 1 :], mark])
            self._count(self._records, network, 1, now)
            self._count(self._records, wide_network_of(client.address), WIDE, now)
            if name:
                self._count(self._names, name, WIDE, now)
        return delay(
            max(self._level(self._records.get(network), now), self._level(self._names.get(name), now))
        )

    def succeeded(self, client: Client, login: str, now: int) -> bool:
        """Remember the wider network as one where the owner of the login name is at home; whether that is worth telling others."""
        if not self._network(client):
            return False
        name, home = folded(login), wide_network_of(client.address)
        homes = self._homes.get(name) or {}
        self._homes.put(name, homes)
        if home in homes and 0 <= now - homes[home] < HOME_RENEWED:
            return False
        homes.pop(home, None)
        homes[home] = now
        if len(homes) > HOMES:
            del homes[next(iter(homes))]
        return True

    def _count(self, records: Recent[str, _Record], key: str, factor: int, now: int) -> None:
        record = records.get(key) or _Record(at=now)
        record.level = self._level(record, now) + 1
        record.at = record.until if self._banned(record, now) else now
        most = self.patience.failures * factor
        if most and record.level >= most and not self._banned(record, now):
            record.until = record.at = now + self.patience.ban
            record.level = most / 2  # who goes on afterwards is banned sooner
            log.warning("banned after failed logins", who=key, seconds=self.patience.ban // SECOND)
        records.put(key, record)

    def _level(self, record: _Record | None, now: int) -> float:
        if record is None:
            return 0.0
        # A clock that was set back forgets nothing, and adds nothing.
        forgotten = max(0, now - record.at) * max(self.patience.failures, 1) / max(self.patience.window, 1)
        return max(0.0, record.level - forgotten)

    def _banned(self, record: _Record | None, now: int) -> bool:
        # A ban never lasts longer than it is meant to, though the clock be set back.
        return record is not None and record.until - self.patience.ban <= now < record.until

    def _is_home(self, name: str, client: Client, now: int) -> bool:
        homes = self._homes.get(name) or {}
        return now - homes.get(wide_network_of(client.address), -HOME_AGE) < HOME_AGE

    def _network(self, client: Client) -> str:
        return "" if is_within(client.address, self.patience.exempt) else network_of(client.address)


def delay(level: float) -> float:
    """Seconds, for so many failures: none at first, then twice as many with each."""
    return 0.0 if level <= PATIENT else min(SLOWEST, 2.0 ** (min(level, 20.0) - PATIENT - 1))


@lru_cache(maxsize=4096)
def wide_network_of(address: str) -> str:
    """The IPv4 /24 or IPv6 /48 around an address."""
    parsed = ipaddress.ip_address(address)
    return str(ipaddress.ip_network((parsed, 24 if parsed.version == 4 else 48), strict=False))


@lru_cache(maxsize=4096)
def is_within(address: str, networks: Sequence[str]) -> bool:
    """Whether the address is in one of the networks, which are written as 192.0.2.0/24 or 2001:db8::/32."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    named = (network for network in networks if network != "unix")  # local sockets are not counted anyway
    return any(parsed in ipaddress.ip_network(network, strict=False) for network in named)


def folded(login: str) -> str:
    """As it is counted."""
    return login.strip().casefold()[:MAX_LOGIN]
