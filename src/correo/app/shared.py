"""What the workers of one service have in common; a server that is alone has the same for itself.

What must be exact is: a maildrop is open once (a lock of the system), and one worker keeps house. Connections and memory are summed up
over all. Failed logins, and what networks send, every worker counts for himself and hears of from the others, so for some
milliseconds a guesser may be known to one worker only.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import structlog

from correo.access.pop3.delays import Delays
from correo.access.pop3.locks import Locks
from correo.accounts.failures import Client, Failures, Patience, folded
from correo.app import settings
from correo.app.world import World
from correo.config import Config
from correo.net.board import Board, SharedBudget, SharedLimits
from correo.net.kin import Kin
from correo.net.limits import Budget, ConnectionLimits, network_of
from correo.receive.rates import NetworkRates
from correo.storage.bus.family import FamilyBus
from correo.storage.bus.local import LocalBus
from correo.storage.holds import Holds

HOLDS = "holds"  # the file in data_dir, always empty, by which workers hold what only one of them may have
LEASES = "leases"  # another, by which is seen whose leases are those of the dead
HOUSE = 0  # that of who keeps house; the others are ids of accounts, which are larger
KEY_SIZE = 32  # octets

log = structlog.get_logger("correo")


@dataclass(frozen=True, slots=True)
class Shared:
    bus: LocalBus
    budget: Budget
    locks: Locks
    delays: Delays
    rates: NetworkRates
    failures: Failures
    failures_key: bytes  # of what is remembered of wrong passwords
    room: Callable[[int], ConnectionLimits]  # for the listener at this position
    workers: int = 1
    holds: Holds | None = None
    leases: Holds | None = None
    kin: Kin | None = None

    def take_house(self) -> bool:
        """Whether this worker keeps house from now on: delivers what waits, sweeps, indexes, looks into the spool."""
        return self.holds is None or self.holds.take(HOUSE)

    def leave_house(self) -> None:
        if self.holds is not None:
            self.holds.give(HOUSE)

    def close(self) -> None:
        if self.kin is not None:
            self.kin.close()
        for holds in (self.holds, self.leases):
            if holds is not None:
                holds.close()


def alone(config: Config, world: World, folder: Path | None = None) -> Shared:
    """For the only process, or one that pretends to be: it has no `folder` then."""
    limits = config.limits
    return Shared(
        bus=LocalBus(),
        budget=Budget(limits.memory),
        locks=Locks(),
        delays=Delays(),
        rates=NetworkRates(),
        failures=Failures(settings.patience(config)),
        failures_key=world.chance.secret(KEY_SIZE),
        room=lambda _: ConnectionLimits(limits.connections, limits.connections_per_address),
        leases=_leases(folder) if folder else None,
    )


def _leases(folder: Path) -> Holds | None:
    """None where the file cannot be had: then nobody sees who is dead, and leases lapse."""
    try:
        return Holds(folder / LEASES)
    except OSError as error:
        log.warning("the leases of the dead will lapse", reason=str(error))
        return None


def together(config: Config, folder: Path, workers: int, seat: int, board: Board, kin: Kin) -> Shared:
    """For one of several workers. Raises OSError."""
    limits = config.limits
    holds = Holds(folder / HOLDS)

    def room(listener: int) -> ConnectionLimits:
        return SharedLimits(limits.connections, limits.connections_per_address, board, seat, listener)

    shared = Shared(
        bus=FamilyBus(lambda hear: kin.share("changed", hear)),
        budget=SharedBudget(limits.memory, board, seat),
        locks=Locks(holds),
        delays=SharedDelays(kin),
        rates=SharedRates(kin),
        failures=SharedFailures(settings.patience(config), kin),
        failures_key=board.secret,
        room=room,
        workers=workers,
        holds=holds,
        leases=_leases(folder),
        kin=kin,
    )
    kin.start(shared.bus.publish_all)
    return shared


class SharedRates(NetworkRates):
    def __init__(self, kin: Kin) -> None:
        super().__init__()
        self._tell = kin.share("sent", super().count)

    def count(self, address: str, messages: int, recipients: int, now: int) -> None:
        super().count(address, messages, recipients, now)
        if network_of(address):  # nothing is counted of this machine, and each word wakes all others
            self._tell(address, messages, recipients, now)


class SharedDelays(Delays):
    def __init__(self, kin: Kin) -> None:
        super().__init__()
        self._tell = kin.share("opened", super().note)

    def note(self, account_id: int, now: int) -> None:
        super().note(account_id, now)
        self._tell(account_id, now)


class SharedFailures(Failures):
    def __init__(self, patience: Patience, kin: Kin) -> None:
        super().__init__(patience)
        self._tell_failed = kin.share("failed login", self._hear_failed)
        self._tell_succeeded = kin.share("login", self._hear_succeeded)

    def failed(self, client: Client, login: str, mark: bytes, now: int) -> float:
        self._tell_failed(client.address, _octets(login), mark, now)
        return super().failed(client, login, mark, now)

    def succeeded(self, client: Client, login: str, now: int) -> bool:
        news = super().succeeded(client, login, now)
        if news:
            self._tell_succeeded(client.address, _octets(login), now)
        return news

    def _hear_failed(self, address: str, login: bytes, mark: bytes, now: int) -> None:
        super().failed(Client(address=address), _login(login), mark, now)

    def _hear_succeeded(self, address: str, login: bytes, now: int) -> None:
        super().succeeded(Client(address=address), _login(login), now)


def _octets(login: str) -> bytes:
    """Strangers write there what they like: surrogates, and more than counts."""
    return folded(login).encode("utf-8", "surrogatepass")


def _login(octets: bytes) -> str:
    return octets.decode("utf-8", "surrogatepass")
