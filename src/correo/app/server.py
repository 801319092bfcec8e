"""One running server: its parts are made here and wired here, started and stopped here. No rule of mail lives in this file."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import structlog

from correo.accounts import Logins, Ways
from correo.app import settings
from correo.app.duties import GLANCE, keep_index, renew, show_out, watch
from correo.app.outgoing import make_transport, make_worker
from correo.app.rooms import BUSY, House, Make, desk, local_session, sessions
from correo.app.shared import Shared, alone
from correo.app.world import World
from correo.config import DATABASE, INDEX, WATCH, Config, Listener
from correo.config.read import beside
from correo.mailbox.indexing import STAMP
from correo.net import Session, Stream
from correo.net.certificates import Certificates
from correo.net.descriptors import Descriptors, for_connections
from correo.net.drive import Stopping, Terms, drive
from correo.net.handshakes import FailedHandshakes
from correo.net.limits import ConnectionLimits
from correo.net.listen import Listener as SocketListener
from correo.net.listen import split_host_port
from correo.net.networks import Networks
from correo.net.tap import Tap, Taps
from correo.net.turns import Turns
from correo.net.watch import Door
from correo.ops.pickup import Pickup
from correo.ops.renewal import see_certificates
from correo.ops.sending_back import send_back
from correo.ops.spool import Found
from correo.ops.sweeping import sweep
from correo.storage.db import Database
from correo.storage.db.sqlite import Sqlite
from correo.storage.index import Index
from correo.storage.index.fts import FtsIndex
from correo.transport.lanes import Part
from correo.transport.remote import RemoteTransport
from correo.transport.worker import Worker
from correo.wire.smtp.letter import Outcome

# What nobody can change while a server runs.
KEPT = ("hostname", "data_dir", "user", "workers", "listener", "dns", "search")
READING = ("imap", "pop3")  # who reads mail does not wait behind those who bring it

log = structlog.get_logger("correo")


def data_folder(config: Config) -> Path:
    """The folder of the data, made where it is missing. Raises OSError."""
    folder = beside(config, config.data_dir)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def _log_failure(result: BaseException | None) -> None:
    if isinstance(result, Exception):
        log.error("a duty had failed", exc_info=result)


class Server:
    """One running Correo."""

    def __init__(
        self,
        config: Config,
        world: World,
        db: Database,
        certificates: Certificates,
        ways: Ways,
        index: Index | None = None,
        shared: Shared | None = None,
    ) -> None:
        self.config = config
        self.world = world
        self.db = db
        self.certificates = certificates
        self.index = index
        self.shared = shared = shared or alone(config, world)
        self.bus = shared.bus
        self.stopping = Stopping()
        self._turns = Turns()
        self.handshakes = FailedHandshakes(world.clock)
        self.logins = Logins(
            db,
            world.clock,
            world.chance,
            concurrency=max(1, config.auth.concurrency // shared.workers),
            ways=ways,
            failures=shared.failures,
            failures_key=shared.failures_key,
        )
        self.budget = shared.budget
        self.locks = shared.locks
        self.house = House(
            world, db, self.bus, self.logins, index, self.budget, self.locks, shared.delays, shared.rates
        )
        self.taps = Taps(world.clock, f"{os.getpid()}.")
        self.door = Door(self.taps, data_folder(config) / WATCH)
        self.listeners: list[SocketListener] = []
        self._rooms: list[ConnectionLimits] = []
        self._makers: list[Make] = []  # what to make of a connection to each listener
        self._duties: set[asyncio.Task[None]] = set()
        self._succession: asyncio.Task[None] | None = None  # waits to keep house
        self._workers: dict[
            Worker, asyncio.Task[None]
        ] = {}  # the last is at work, those before are finishing
        self._claims = False  # that one

    @classmethod
    async def open(cls, config: Config, world: World, shared: Shared | None = None) -> Server:
        """Open the data and read what the configuration names; without `shared` the server is alone.

        Raises OSError, ValueError, SchemaMismatch, Refused.
        """
        folder = data_folder(config)
        certificates = Certificates()
        certificates.load(settings.offer(config))
        ways = settings.ways(config, world)
        db = await Sqlite.open(folder / DATABASE, now=world.clock.now(), announced=True)
        try:
            index = FtsIndex.open(folder / INDEX, STAMP) if config.search.index else None
            return cls(config, world, db, certificates, ways, index, shared)
        except BaseException:
            await db.close()
            raise

    async def start(self, sockets: Sequence[socket.socket]) -> None:
        """Begin to serve; `sockets` are those of `bind_all`, in the order of the listeners."""
        self._makers = self._sessions(self.config)
        descriptors = Descriptors(for_connections())
        if descriptors.most < self.config.limits.connections:
            log.warning(
                "fewer connections than limits.connections, for want of descriptors", most=descriptors.most
            )
        for position, (listener, sock) in enumerate(zip(self.config.listener, sockets, strict=True)):
            implicit = self._tls(listener) if listener.tls == "implicit" else None
            room = self.shared.room(position)
            proxies = Networks.of(listener.proxy_from)
            bound = SocketListener(
                sock,
                self._serve(position),
                room,
                BUSY[listener.protocol],
                implicit,
                proxies,
                partial(self.handshakes.note, listener.protocol),
                descriptors,
            )
            await bound.start()
            self.listeners.append(bound)
            self._rooms.append(room)
        self._transport = self._make_transport(self.config)
        await self._open_door()
        self._begin(watch(self.db, self.bus))
        self._begin(show_out(self.logins, self.bus))
        self._begin(see_certificates(self.certificates))
        if self.shared.take_house():
            self._keep_house()
        else:
            self._start_worker(claims=False)
            self._succession = self._begin(self._succeed())

    async def stop(self) -> None:
        """Take no more connections, let the ones that are there come to an end, finish what was begun."""
        for listener in self.listeners:
            listener.stop_accepting()
        self.stopping.stop()
        for worker in self._workers:
            worker.stop()
        for duty in self._duties:
            duty.cancel()
        for result in await asyncio.gather(*self._duties, return_exceptions=True):
            _log_failure(result)
        self.shared.leave_house()
        drain = self.config.limits.drain
        cut = sum(await asyncio.gather(*(listener.drain(drain) for listener in self.listeners)))
        working = list(self._workers.values())
        if working:
            await asyncio.wait(working, timeout=drain + 1)
        for task in working:
            task.cancel()
        for result in await asyncio.gather(*working, return_exceptions=True):
            _log_failure(result)
        self.door.close()
        self.logins.close()
        if self.index is not None:
            await self.index.close()
        await self.db.close()
        self.shared.close()
        log.info("stopped", cut_off=cut)

    async def failed(self) -> None:
        """Wait until a duty of the server ends by itself, which it never should; then raise what ended it."""
        while True:
            working = list(self._workers.values())[-1:]
            done, _ = await asyncio.wait([*working, *self._duties], return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                replaced = task in working and task not in self._workers.values()
                if not replaced:
                    task.result()
                    if task is not self._succession:
                        return
                self._duties.discard(task)

    def reload(self, config: Config) -> None:
        """Take over what can change while serving (SIGHUP): certificate, limits, queue, transport, authentication.

        Connections that are open keep what they began with. What cannot be read leaves everything as it was.
        """
        kept = {name: getattr(self.config, name) for name in KEPT}
        for name, value in kept.items():
            if getattr(config, name) != value:
                log.warning("reload cannot change this: restart to use it", option=name)
        if config.auth.concurrency != (threads := self.config.auth.concurrency):
            log.warning("reload cannot change this: restart to use it", option="auth.concurrency")
        fresh = replace(config, **kept, auth=replace(config.auth, concurrency=threads))
        try:
            transport = self._make_transport(fresh)
            ways = settings.ways(fresh, self.world)
            self.certificates.load(settings.offer(fresh))  # the last, for it takes effect at once
        except (OSError, ValueError) as error:
            log.error("reload failed, everything stays as it was", reason=str(error))
            return
        self.config = fresh
        self.logins.change(ways, settings.patience(fresh))
        self.budget.limit = fresh.limits.memory
        for room in self._rooms:
            room.total, room.by_network = fresh.limits.connections, fresh.limits.connections_per_address
        self._makers = self._sessions(fresh)
        self._transport = transport
        if self._workers:
            self._start_worker(claims=self._claims)
        log.info("reloaded")

    # ------------------------------------------------------------------------------------------------------------------

    def _tls(self, listener: Listener) -> Callable[[], ssl.SSLContext | None]:
        return lambda: self.certificates.context(listener.protocol)

    def _incident(self, fault: BaseException) -> str:
        reference = f"{self.world.chance.id(self.world.clock.now()):x}"
        log.error("internal error", reference=reference, exc_info=fault)
        return reference

    def _serve(self, position: int) -> Callable[[Stream], Awaitable[None]]:
        listener = self.config.listener[position]
        failed = partial(self.handshakes.note, listener.protocol)
        tap = partial(self._tap, listener.protocol)
        turns = None if listener.protocol in READING else self._turns
        terms = Terms(self._tls(listener), self.stopping, self._incident, failed=failed, tap=tap, turns=turns)

        async def serve(stream: Stream) -> None:
            nonlocal terms
            config = self.config
            pause = config.smtp.greet_wait if listener.protocol == "smtp" else 0.0
            if (pause, config.limits.write_time) != (terms.pause, terms.write_seconds):  # it was reloaded
                terms = replace(terms, pause=pause, write_seconds=config.limits.write_time)
            await drive(stream, self._makers[position](stream), terms)

        return serve

    def _tap(self, protocol: str, stream: Stream, session: Session) -> Tap:
        return self.taps.incoming(protocol, stream.peer, stream.tls, session)

    def _sessions(self, config: Config) -> list[Make]:
        return [sessions(self.house, config, listener) for listener in config.listener]

    def _pickup(self) -> list[Coroutine[Any, Any, None]]:
        """The duty of looking into the spool, where there is one."""
        config = self.config
        if not config.sendmail.spool:
            return []
        folder, most = beside(config, config.sendmail.spool), config.limits.message_size
        return [Pickup(folder, most, self.local_session, self.send_back, self.world.clock).run()]

    def local_session(self, uid: int) -> Session:
        """As for the user of this uid, had he come by the local socket."""
        return local_session(self.house, self.config, uid)

    async def send_back(self, found: Found, outcome: Outcome) -> bool:
        """To whoever wrote it, a letter that a local session has refused."""
        return await send_back(desk(self.house, self.config), found, outcome, self.world.clock.now())

    async def _open_door(self) -> None:
        try:
            await self.door.open()
        except OSError as error:  # nothing but `correo watch` needs it
            log.warning("nobody can watch", reason=str(error))

    def _begin(self, duty: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(duty)
        self._duties.add(task)
        return task

    async def _succeed(self) -> None:
        """Wait until nobody keeps house any more."""
        while True:
            await asyncio.sleep(GLANCE)
            if self.shared.take_house():
                self._keep_house()
                return

    def _keep_house(self) -> None:
        self._start_worker(claims=True)
        self._begin(sweep(self.db, self.bus, self.world.clock, lambda: self.config.ledger.keep))
        self._begin(keep_index(self.db, self.index, self.world.processor))
        self._begin(renew(lambda: self._transport))
        for duty in self._pickup():
            self._begin(duty)
        log.debug("keeps house")

    def _start_worker(self, *, claims: bool) -> None:
        """In place of the one there is, which comes to its end."""
        for worker in self._workers:
            worker.stop()
        part = Part(self.shared.workers, claims)
        worker = make_worker(
            self.config, self.world, self.db, self.bus, self._transport, part, self.shared.leases
        )
        self._claims, self.house.outlet.courier = claims, worker
        task = asyncio.get_running_loop().create_task(worker.run())
        self._workers[worker] = task
        task.add_done_callback(lambda _: self._workers.pop(worker) if len(self._workers) > 1 else None)

    def _make_transport(self, config: Config) -> RemoteTransport:
        """Raises OSError when a file that is named cannot be read, ValueError."""
        listening = [item for item in self.listeners if item.sock.family != socket.AF_UNIX]
        own = frozenset(split_host_port(item.address) for item in listening)
        return make_transport(config, self.world, self.db, own, self.taps)
