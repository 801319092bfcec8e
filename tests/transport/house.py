"""A whole Correo without protocols: database, directory, queue, ledger, a worker, and a transport that does as it is told."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from correo import ledger, mailbox, queue
from correo.accounts import add_account, add_domain
from correo.accounts.credentials import Credentials
from correo.clock.virtual import SeededChance, VirtualClock, VirtualLoop, run
from correo.delivery import Accepted, Incoming, Outlet, QueueTimes, Recipient, accept, publish
from correo.ledger import Balance, balance
from correo.mail.address import Address
from correo.mail.outcome import Deferred, Delivered, Failed, Outcome
from correo.mail.status import Status
from correo.mail.terms import PLAIN, Terms
from correo.queue import QueuedRecipient, Selection
from correo.queue.schedule import Schedule
from correo.storage.bus.local import LocalBus
from correo.storage.db import Tx
from correo.storage.db.sqlite import Sqlite
from correo.storage.holds import Holds
from correo.transport import Outgoing
from correo.transport.lanes import WHOLE, Part
from correo.transport.settling import Policy
from correo.transport.worker import MAX_MEMORY, Worker

ANA = Address.parse("ana@here.example")
RETURN_PATH = b"Return-Path: <ana@here.example>\r\n"
TEXT = b"Subject: hello\r\nMessage-ID: <1@here.example>\r\n\r\nbody\r\n"
HOST = "mx.there.example [10.0.0.1]:25"
OK = Delivered(Status(250, "2.0.0", "ok"), HOST)
LATER = Deferred(Status(451, "4.7.1", "later"), HOST)
NEVER = Failed(Status(550, "5.1.1", "who?"), HOST)


@dataclass
class FakeTransport:
    """Outcomes by recipient, in turn; the last one repeats. `seconds` is what a delivery takes."""

    clock: VirtualClock
    outcomes: dict[str, list[Outcome]] = field(default_factory=dict)
    seconds: float = 1.0
    slow: dict[str, float] = field(default_factory=dict)  # by destination, instead of `seconds`
    calls: list[tuple[int, tuple[str, ...]]] = field(default_factory=list)
    contents: list[bytes] = field(default_factory=list)
    sending: float = 0.0  # seconds that a server takes for the text
    holding: int = 0  # deliveries with the text in memory
    most_holding: int = 0
    running: int = 0
    most: int = 0
    fault: Exception | None = None
    closed: bool = False

    def lane(self, destination: str) -> str:
        return destination

    async def deliver(self, message: Outgoing, recipients: Sequence[Address]) -> list[Outcome]:
        self.calls.append((self.clock.now(), tuple(one.folded for one in recipients)))
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            await asyncio.sleep(self.slow.get(recipients[0].host, self.seconds))
        finally:
            self.running -= 1
        if self.fault:
            raise self.fault
        self.contents.append(await message.content())
        self.holding += 1
        self.most_holding = max(self.most_holding, self.holding)
        await asyncio.sleep(self.sending)
        self.holding -= 1
        return [self._next(one.folded) for one in recipients]

    def _next(self, address: str) -> Outcome:
        outcomes = self.outcomes.get(address, [OK])
        return outcomes.pop(0) if len(outcomes) > 1 else outcomes[0]

    async def close(self) -> None:
        self.closed = True


class House:
    """`here.example` is ours and has ana; all else is elsewhere."""

    def __init__(self, db: Sqlite) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        self.db = db
        self.clock = VirtualClock(loop)
        self.chance = SeededChance(7)
        self.bus = LocalBus()
        self.transport = FakeTransport(self.clock)
        self.schedule = Schedule()
        self.account = 0

    @property
    def policy(self) -> Policy:
        return Policy("mail.here.example", self.schedule)

    @classmethod
    @asynccontextmanager
    async def open(cls) -> AsyncIterator[House]:
        with tempfile.TemporaryDirectory() as folder:
            db = await Sqlite.open(Path(folder) / "correo.db", now=0, threaded=False)
            house = cls(db)
            house.account = house.chance.id(0)
            await db.write(add_domain, "here.example", 0)
            await db.write(add_account, id=house.account, address=ANA, credentials=Credentials("", ""), now=0)
            await db.write(mailbox.open_account, house.account, house.chance, 0)
            yield house
            await db.close()

    def worker(
        self,
        concurrency: int = 10,
        per_destination: int = 5,
        grace: float = 30.0,
        memory: int = MAX_MEMORY,
        rate: int = 0,
        part: Part = WHOLE,
        holds: Holds | None = None,
    ) -> Worker:
        return Worker(
            self.db,
            self.bus,
            self.clock,
            self.chance,
            self.transport,
            self.policy,
            concurrency=concurrency,
            per_destination=per_destination,
            grace=grace,
            memory=memory,
            rate=rate,
            part=part,
            holds=holds,
        )

    async def put(
        self,
        *addresses: str,
        sender: Address | None = ANA,
        text: bytes = TEXT,
        to: Worker | None = None,
        terms: Terms = PLAIN,
    ) -> int:
        """A message to recipients elsewhere; its id. It is handed over `to` a worker that has room for it."""
        now = self.clock.now()
        incoming = Incoming(
            id=self.chance.id(now),
            sender=sender,
            recipients=tuple(Recipient(Address.parse(text)) for text in addresses),
            prepared=mailbox.prepare(RETURN_PATH + text),
            return_path_size=len(RETURN_PATH),
            body="7BIT",
            utf8=False,
            protocol="submission",
            source="192.0.2.9",
            account=None,
            queue=QueueTimes(self.schedule.expires(now), self.schedule.warn_at(now)),
            terms=terms,
        )
        outlet = Outlet()
        outlet.courier = to
        with outlet.offer({Address.parse(text).host for text in addresses}, len(RETURN_PATH + text)) as offer:
            incoming = replace(incoming, lease=offer.lease if offer else None)
            accepted: Accepted = await self.db.write(accept, incoming, self.chance, now)
            assert accepted.queued
            publish(self.bus, accepted)
            if offer:
                offer.fill(accepted.claimed, RETURN_PATH + text)
        return incoming.id

    async def claim(self, owner: str = "w1") -> list[QueuedRecipient]:
        now = self.clock.now()
        return await self.db.write(queue.claim, owner=owner, now=now, lease_until=now + 10**9, limit=1000)

    async def queued(self) -> list[QueuedRecipient]:
        return await self.db.read(queue.list_recipients, Selection())

    async def notices(self) -> list[bytes]:
        """What lies in ana's inbox."""
        return await self.db.read(_inbox, self.account)

    async def events(self, message_id: int) -> list[tuple[str, str]]:
        """(recipient, event) of a message, in order."""
        (journey,) = await self.db.read(ledger.trace, ledger.show_id(message_id), 1)
        return [(entry.recipient, entry.event.value) for entry in journey.entries]

    async def balance(self) -> Balance:
        return await self.db.read(balance)

    async def until(self, done: Callable[[], bool], seconds: float = 10**6) -> None:
        """Let virtual time pass; fails when it does not come about."""
        async with asyncio.timeout(seconds):
            while not done():
                await asyncio.sleep(1)


def in_a_house(scenario: Callable[[House], Coroutine[Any, Any, None]]) -> Callable[[], None]:
    """Make a test of what happens in a house, in virtual time."""

    async def main() -> None:
        async with House.open() as house:
            await scenario(house)

    def test() -> None:
        run(main())

    return test


async def _inbox(tx: Tx, account: int) -> list[bytes]:
    inbox = await mailbox.inbox(tx, account)
    assert inbox
    return [await mailbox.raw(tx, one.content_id) for one in await mailbox.messages(tx, inbox.id)]
