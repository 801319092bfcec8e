"""The server behind a test server: the rooms and the way out of `correo.app`, in a world that is made for tests.

Everything here runs in one event loop, whose time can be moved; `testing.server` is what tests hold in their hands.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from correo import mailbox, queue
from correo.access.pop3.delays import Delays
from correo.access.pop3.locks import Locks
from correo.accounts import Logins, Ways
from correo.app import World, bind_all, settings
from correo.app.outgoing import make_transport, make_worker
from correo.app.rooms import BUSY, House, Make, sessions
from correo.clock import Chance
from correo.clock.adjustable import AdjustableClock
from correo.clock.system import SystemChance
from correo.config import DATABASE, Config, Listener
from correo.dns.zone import Zone, ZoneResolver
from correo.net import Session, Stream
from correo.net.certificates import Certificates
from correo.net.drive import Stopping, Terms, drive
from correo.net.limits import Budget, ConnectionLimits
from correo.net.listen import Listener as SocketListener
from correo.net.listen import bind, split_host_port
from correo.net.memory import MemoryNetwork, MemoryStream
from correo.ops import queueing
from correo.queue import QueuedRecipient, Selection
from correo.receive.rates import NetworkRates
from correo.receive.session import SmtpSession
from correo.storage.bus.local import LocalBus
from correo.storage.db import Database
from correo.storage.db.sqlite import Sqlite
from correo.testing.far import FarHost, FarHosts
from correo.testing.faults import Faults
from correo.testing.handles import Waiting
from correo.testing.journal import Journal, nothing
from correo.testing.message import Query
from correo.testing.people import CHEAP, People
from correo.testing.sessions import Desk, SmtpWrapped

FAR_DATABASE = "far.db"
OUR_ADDRESS = "198.18.255.1"  # from which other servers see us come
MAX_CONNECTIONS = 1_000  # of one listener
BACKSTAGE = Listener("smtp", "127.0.0.1:0")  # how servers elsewhere take mail
COLLECTED = 500  # messages in one transaction
MAX_LISTED = 10_000  # recipients of the queue that are told of
MAX_INCIDENTS = 100  # kept; the first is the one that is told of


@dataclass(frozen=True, slots=True)
class Books:
    """One database and what is kept in it."""

    house: House
    people: People


class Stage:
    """One running test server. `open` it in the loop that it is to live in."""

    def __init__(self, config: Config, clock: AdjustableClock, *, made_up: bool, password: str) -> None:
        self.config = config
        self.clock = clock
        self.journal = Journal()
        self.faults = Faults()
        self.incidents: list[BaseException] = []
        self.listeners: list[SocketListener] = []
        self.zone = Zone()
        self._made_up = made_up
        self._password = password
        self._network = MemoryNetwork()
        self.far = FarHosts(self.zone, self._network, self._serve_far)
        self._world = World(
            clock,
            SystemChance(),
            ZoneResolver(self.zone, clock),
            self._network.dialer(OUR_ADDRESS),
            trust=ssl.SSLContext(
                ssl.PROTOCOL_TLS_CLIENT
            ),  # nobody: to read whom the system trusts takes longer than all the rest
        )
        self._certificates = Certificates()
        self._stopping = Stopping()
        self._terms = Terms(lambda: self._certificates.context("smtp"), self._stopping, self._incident)
        self._elsewhere: Books | None = None

    @property
    def chance(self) -> Chance:
        return self._world.chance

    async def open(self) -> None:
        """Listen and serve. Raises OSError when a port is taken, ValueError."""
        self._certificates.load(settings.offer(self.config))
        sockets = bind_all(self.config.listener)
        try:
            self.here = await self._books(DATABASE, self.journal, made_up=self._made_up)
        except BaseException:
            for sock in sockets:
                sock.close()
            raise
        desk = Desk(self.clock, self.faults, self.journal, self.here.people.admit)
        for listener, sock in zip(self.config.listener, sockets, strict=True):
            make = self._sessions(self.here.house, self.config, listener, desk)
            await self._listen(sock, make, BUSY[listener.protocol], implicit=listener.tls == "implicit")
        self._work()

    async def listen(self, address: str, make: Callable[[Stream], Session], busy: bytes) -> int:
        """One more port, for something that is no mail; its number. Raises OSError with the address in it, ValueError."""
        try:
            sock = bind(address)
        except OSError as error:
            raise OSError(error.errno, f"cannot listen on {address}: {error.strerror}") from error
        await self._listen(sock, make, busy)
        return self.port(-1)

    async def close(self) -> None:
        """Let go of everything; who is still connected is told and then cut off."""
        for listener in self.listeners:
            listener.stop_accepting()
        self._stopping.stop()
        drain = self.config.limits.drain
        await asyncio.gather(*(listener.drain(drain) for listener in self.listeners))
        await self._end(self._working)
        await self._network.close()
        for books in (self.here, self._elsewhere):
            if books is not None:
                books.people.close()
                books.house.logins.close()
                await books.house.db.close()

    def port(self, position: int) -> int:
        """Of the listener at this place of the configuration."""
        return split_host_port(self.listeners[position].address)[1]

    async def far_host(self, domain: str) -> FarHost:
        """The server of a domain elsewhere, in comparison form; made when it is asked for first. Raises ValueError."""
        if domain not in self.far.by_domain:
            if await self.here.people.has(domain):
                raise ValueError(
                    f"{domain} has mailboxes here; say that it is elsewhere before mail comes for it"
                )
            if self._elsewhere is None:
                self._elsewhere = await self._books(FAR_DATABASE, Journal(), made_up=True)
        return self.far.add(domain)

    async def waiting(self) -> list[QueuedRecipient]:
        return await self.here.house.db.read(queue.list_recipients, Selection(), limit=MAX_LISTED)

    async def why(self, query: Query, journal: Journal, timeout: float) -> str:
        """Words for people: why nothing of this has come to `journal`, as far as it can be known."""
        waiting = [Waiting.of(one) for one in await self.waiting()]
        return nothing(query, timeout, list(journal.messages), list(journal.refused), waiting)

    async def clear(self) -> None:
        """No mail, no queue, no faults, all servers well, nobody made on the fly; accounts and time stay as they are."""
        self.faults.clear()
        self.far.heal()
        await self._empty_queue()
        for books in (self.here, self._elsewhere):
            if books is not None:
                await books.people.empty()
                await books.house.logins.show_out()
                await self._collect(books.house.db)
        self.journal.clear()

    async def _empty_queue(self) -> None:
        await self._end(self._working)  # or what is being tried would come back
        db = self.here.house.db
        while await db.write(queueing.delete, Selection(), self.chance, self.clock.now()):
            pass
        self._work()

    async def _collect(self, db: Database) -> None:
        """What no mailbox has any more goes: a server that runs for days, and is emptied before each test, must not grow."""
        while (await db.write(mailbox.collect, self.clock.now(), COLLECTED)).looked_at == COLLECTED:
            pass

    # ------------------------------------------------------------------------------------------------------------------

    async def _books(self, name: str, journal: Journal, *, made_up: bool) -> Books:
        path = Path(self.config.data_dir) / name
        world, bus = self._world, LocalBus()
        # Nothing has to outlive a power failure here, and commits in the loop's own thread let time be moved.
        db: Database = await Sqlite.open(path, now=self.clock.now(), threaded=False, durable=False)
        ways = Ways(self.config.auth.mechanisms)
        logins = Logins(
            db, world.clock, world.chance, concurrency=0, cost=CHEAP, ways=ways,
            patience=settings.patience(self.config),
        )  # fmt: skip
        budget = Budget(self.config.limits.memory)
        house = House(world, db, bus, logins, None, budget, Locks(), Delays(), NetworkRates())
        people = People(
            db, bus, world.clock, world.chance, journal,
            elsewhere=self.far.by_domain if name == DATABASE else (),
            made_up=made_up, password=self._password,
        )  # fmt: skip
        return Books(house, people)

    async def _listen(
        self, sock: socket.socket, make: Callable[[Stream], Session], busy: bytes, *, implicit: bool = False
    ) -> None:
        async def serve(stream: Stream) -> None:
            await drive(stream, make(stream), self._terms)

        room = ConnectionLimits(MAX_CONNECTIONS, MAX_CONNECTIONS)
        tls: Callable[[], ssl.SSLContext | None] | None = self._terms.tls if implicit else None
        listener = SocketListener(sock, serve, room, busy, tls)
        await listener.start()
        self.listeners.append(listener)

    def _sessions(
        self, house: House, config: Config, listener: Listener, desk: Desk
    ) -> Callable[[Stream], Session]:
        @cache  # made for the first connection, for it loads what speaks the protocol
        def make() -> Make:
            return sessions(house, config, listener)

        def wrapped(stream: Stream) -> Session:
            session = make()(stream)
            if isinstance(session, SmtpSession):
                return SmtpWrapped(desk, session, stream, trusted=listener.protocol == "smtp")
            from correo.testing.reading import wrap

            return wrap(desk, session, stream)

        return wrapped

    def _serve_far(self, host: FarHost) -> Callable[[MemoryStream], Awaitable[None]]:
        assert self._elsewhere is not None, "a far host is made after its books"
        books = self._elsewhere
        config = replace(self.config, hostname=host.hostname)
        desk = Desk(self.clock, host.faults, host.journal, books.people.admit)
        make = self._sessions(books.house, config, BACKSTAGE, desk)

        async def serve(stream: MemoryStream) -> None:
            await drive(stream, make(stream), self._terms)

        return serve

    def _work(self) -> None:
        house = self.here.house
        transport = make_transport(self.config, self._world, house.db, frozenset())
        worker = make_worker(self.config, self._world, house.db, house.bus, transport)
        self._working = asyncio.create_task(worker.run())

    async def _end(self, task: asyncio.Task[None]) -> None:
        task.cancel()
        for result in await asyncio.gather(task, return_exceptions=True):
            if isinstance(result, Exception):
                self.incidents.append(result)

    def _incident(self, fault: BaseException) -> str:
        if len(self.incidents) < MAX_INCIDENTS:
            self.incidents.append(fault)
        return f"{self.chance.id(self.clock.now()):x}"
