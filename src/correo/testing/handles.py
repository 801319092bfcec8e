"""What a test takes hold of beside the server itself: its accounts, its clock, servers elsewhere, what waits."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, ParamSpec, TypeVar, Unpack

from correo.mail.address import BadAddress, fold_domain
from correo.mail.instant import SECOND, moment, parse_duration
from correo.queue import QueuedRecipient
from correo.testing.far import FarHost, State
from correo.testing.faults import Fault, Rule, fault_of
from correo.testing.journal import Journal, NothingArrived
from correo.testing.message import Message, Query, Wanted

if TYPE_CHECKING:
    from correo.testing.server import MailServer

T = TypeVar("T")
P = ParamSpec("P")

USUAL = 5.0  # seconds to wait for a message: on one machine it takes milliseconds
MOST = 366 * 86_400.0  # seconds by which time is moved at once; it takes a minute
PATIENCE = 120.0  # seconds for what takes some milliseconds
PER_SECOND = 1 / 86_400  # that long for each second by which time is moved: a day takes a tenth of one


async def told(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """`work`, in the server's loop."""
    return work(*args, **kwargs)


async def seen(items: Iterable[T]) -> list[T]:
    """A copy, made in the server's loop."""
    return list(items)


@dataclass(frozen=True, slots=True)
class Waiting:
    """A recipient elsewhere whom the mail has not reached yet."""

    sender: str
    recipient: str
    attempts: int
    next_try: datetime
    state: str  # waiting, active, held
    reply: str  # the last answer; "" before the first

    @classmethod
    def of(cls, one: QueuedRecipient) -> Waiting:
        return cls(
            one.message.sender,
            one.address,
            one.attempts,
            moment(one.next_try),
            one.state.value,
            str(one.status or ""),
        )

    def __str__(self) -> str:
        why = f": {self.reply}" if self.reply else ""
        return f"{self.sender or '<>'} to {self.recipient}, tried {self.attempts} times{why}"


class Letters(ABC):
    """Messages that were taken, to be looked at and waited for."""

    @abstractmethod
    def _looked_at(self) -> tuple[MailServer, Journal]: ...

    @property
    def messages(self) -> list[Message]:
        """All of them, the oldest first."""
        return self.find()

    def find(self, **wanted: Unpack[Wanted]) -> list[Message]:
        """Those that fit everything that is given, the oldest first."""
        server, journal = self._looked_at()
        return server.call(told(journal.find, Query(**wanted)))

    def wait_for(self, *, timeout: float = USUAL, **wanted: Unpack[Wanted]) -> Message:
        """The oldest that fits; waits for it up to `timeout` seconds. Raises NothingArrived, an AssertionError."""
        server, journal = self._looked_at()
        query = Query(**wanted)
        future = server.begin(journal.arrival(query))
        try:
            return future.result(timeout)
        except TimeoutError:
            future.cancel()
        raise NothingArrived(server.call(server.stage.why(query, journal, timeout)))

    async def arrival(self, *, timeout: float = USUAL, **wanted: Unpack[Wanted]) -> Message:
        """As `wait_for`, while the caller's own loop goes on."""
        server, journal = self._looked_at()
        query = Query(**wanted)
        try:
            async with asyncio.timeout(timeout):
                return await asyncio.wrap_future(server.begin(journal.arrival(query)))
        except TimeoutError:
            pass
        raise NothingArrived(server.call(server.stage.why(query, journal, timeout)))


class Accounts:
    def __init__(self, server: MailServer) -> None:
        self._server = server

    def add(self, address: str, password: str | None = None, *, aliases: Sequence[str] = ()) -> None:
        """Make an account, with the server's usual password unless another is given. Raises ValueError.

        `aliases` are further addresses of it; `@example.org` stands for all that nobody else has there.
        """
        self._server.call(self._server.stage.here.people.add(address, password, aliases))

    def list(self) -> list[str]:
        """The addresses of all, those that were made on the fly among them."""
        return self._server.call(self._server.stage.here.people.addresses())


class Clock:
    def __init__(self, server: MailServer) -> None:
        self._server = server

    @property
    def now(self) -> datetime:
        return moment(self._server.stage.clock.now())

    def advance(
        self,
        duration: str | timedelta = timedelta(),
        *,
        days: float = 0,
        hours: float = 0,
        minutes: float = 0,
        seconds: float = 0,
    ) -> None:
        """Move the server's time; when it returns, all that was due meanwhile has been done. Without a duration: all that is due now.

        `duration` may be written "5d" or "1h30m". Raises ValueError: time never goes back.
        """
        given = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
        seconds = as_seconds(duration) + as_seconds(given)
        self._server.call(self._server.loop.advance(seconds), patience=PATIENCE + seconds * PER_SECOND)


def as_seconds(duration: str | timedelta) -> float:
    """Raises ValueError."""
    seconds = parse_duration(duration) / SECOND if isinstance(duration, str) else duration.total_seconds()
    if not 0 <= seconds <= MOST:
        raise ValueError("time is moved forwards, by a year at most")
    return seconds


class Far(Letters):
    """The server of a domain elsewhere."""

    def __init__(self, server: MailServer, host: FarHost) -> None:
        self.domain = host.domain
        self._server = server
        self._host = host

    @classmethod
    def of(cls, server: MailServer, domain: str) -> Far:
        try:
            folded = fold_domain(domain)
        except BadAddress as wrong:
            raise ValueError(f"{domain!r}: {wrong}") from None
        return cls(server, server.call(server.stage.far_host(folded)))

    def down(self) -> None:
        """It refuses connections."""
        self._set(State.DOWN)

    def silent(self) -> None:
        """It never answers."""
        self._set(State.SILENT)

    def up(self) -> None:
        """It is well again, without faults."""
        self._server.call(told(self._host.faults.clear))
        self._set(State.UP)

    def refuse(
        self, reply: str = "550 5.1.1 No such user", *, to: str = "*", times: int | None = None
    ) -> Fault:
        """It answers so at RCPT. Raises ValueError."""
        return self.fault(reply, to=to, times=times)

    def fault(self, reply: str = "", **rule: Unpack[Rule]) -> Fault:
        """As `MailServer.fault`."""
        return self._server.call(told(self._host.faults.add, fault_of(reply, **rule)))

    def _looked_at(self) -> tuple[MailServer, Journal]:
        return self._server, self._host.journal

    def _set(self, state: State) -> None:
        self._server.call(told(self._server.stage.far.set, self._host, state))
