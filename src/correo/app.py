"""The composition root: every part is made here, wired here, started and stopped here. No rule of mail lives in this file."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, replace
from typing import Any

import structlog

from correo.access.imap.session import ImapOptions, ImapSession
from correo.access.imap.session import Services as ImapServices
from correo.access.pop3.delays import Delays
from correo.access.pop3.locks import Locks
from correo.access.pop3.session import Pop3Options, Pop3Session
from correo.access.pop3.session import Services as Pop3Services
from correo.accounts import Introspection, Logins, Patience, Service, Ways
from correo.clock import Chance, Clock
from correo.config import DATABASE, INDEX, Config, Listener
from correo.config.read import beside
from correo.dns import Resolver
from correo.dns.cache import CachingResolver
from correo.dns.client import StubResolver, system_servers
from correo.mail.errors import Refused
from correo.mailbox.indexing import STAMP, Indexer
from correo.net import Dialer, Peer, Session, Stream
from correo.net.certificates import Certificates, Offer
from correo.net.drive import Stopping, Terms, drive
from correo.net.limits import Budget, ConnectionLimits
from correo.net.listen import Listener as SocketListener
from correo.net.listen import bind, split_host_port
from correo.net.memory import MemoryStream
from correo.net.networks import Networks
from correo.net.stream import SocketDialer
from correo.net.tls import private_context
from correo.ops import receiving, routing, service
from correo.ops.leisure import Leisure
from correo.ops.owner import user_name
from correo.ops.pickup import pick_up
from correo.ops.renewal import see_certificates
from correo.ops.sweeping import SWEEP, sweep
from correo.receive.local import LocalSenders
from correo.receive.options import Profile, ReceiveOptions
from correo.receive.options import Services as ReceiveServices
from correo.receive.rates import NetworkRates
from correo.receive.session import SmtpSession
from correo.storage.bus import QUEUE
from correo.storage.bus.local import LocalBus
from correo.storage.db import Database
from correo.storage.db.sqlite import Sqlite
from correo.storage.index import Index
from correo.storage.index.fts import FtsIndex
from correo.transport.policy.guard import Policies, Settings
from correo.transport.remote import Options as RemoteOptions
from correo.transport.remote import RemoteTransport
from correo.transport.smarthost import Smarthost
from correo.transport.worker import Worker
from correo.wire.http import Endpoint

log = structlog.get_logger("correo")

GLANCE = 1.0  # seconds between looks whether another process has written: how soon a `correo queue retry` is noticed
RENEW = 1800.0  # seconds between looks at the policies of other domains
INDEX_GLANCE = 2.0  # seconds between looks for new mail to index; until then a search reads it

PROFILES = {"smtp": Profile.MX, "submission": Profile.SUBMISSION, "lmtp": Profile.LMTP}
BUSY = {
    "smtp": b"421 4.3.2 Too many connections, try again later\r\n",
    "submission": b"421 4.3.2 Too many connections, try again later\r\n",
    "lmtp": b"421 4.3.2 Too many connections, try again later\r\n",
    "pop3": b"-ERR [SYS/TEMP] Too many connections, try again later\r\n",
    "imap": b"* BYE [UNAVAILABLE] Too many connections, try again later\r\n",
}


@dataclass(frozen=True, slots=True)
class World:
    """What a server is given instead of taking it: time, chance, names and the network."""

    clock: Clock
    chance: Chance
    resolver: Resolver | None = None  # None: as the configuration says
    dialer: Dialer | None = None


def bind_all(listeners: Sequence[Listener]) -> list[socket.socket]:
    """A socket for each listener, before root is given up. Raises OSError with the address in it, ValueError."""
    sockets: list[socket.socket] = []
    for listener in listeners:
        try:
            sockets.append(bind(listener.address, for_everybody=listener.local))
        except OSError as error:
            for sock in sockets:
                sock.close()
            raise OSError(
                error.errno, f"cannot listen on {listener.address} for {listener.protocol}: {error.strerror}"
            ) from error
    return sockets


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
    ) -> None:
        self.config = config
        self.world = world
        self.db = db
        self.certificates = certificates
        self.index = index
        self.bus = LocalBus()
        self.stopping = Stopping()
        concurrency = config.auth.concurrency
        self.logins = Logins(
            db, world.clock, world.chance, concurrency=concurrency, ways=ways, patience=_patience(config)
        )
        self.budget = Budget(config.limits.memory)
        self.locks = Locks()
        self.delays = Delays()
        self.rates = NetworkRates()
        self.listeners: list[SocketListener] = []
        self._rooms: list[ConnectionLimits] = []
        self._makers: list[Callable[[Stream], Session]] = []  # what to make of a connection to each listener
        self._duties: list[asyncio.Task[None]] = []
        self._workers: dict[
            Worker, asyncio.Task[None]
        ] = {}  # the last is at work, those before are finishing

    @classmethod
    async def open(cls, config: Config, world: World) -> Server:
        """Open the data and read what the configuration names. Raises OSError, ValueError, SchemaMismatch, Refused."""
        folder = beside(config, config.data_dir)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        certificates = Certificates()
        certificates.load(_offer(config))
        ways = _ways(config, world)
        db = await Sqlite.open(folder / DATABASE, now=world.clock.now())
        index = FtsIndex.open(folder / INDEX, STAMP) if config.search.index else None
        return cls(config, world, db, certificates, ways, index)

    async def start(self, sockets: Sequence[socket.socket]) -> None:
        """Begin to serve; `sockets` are those of `bind_all`, in the order of the listeners."""
        limits = self.config.limits
        self._makers = [self._sessions(listener) for listener in self.config.listener]
        for position, (listener, sock) in enumerate(zip(self.config.listener, sockets, strict=True)):
            implicit = self._tls(listener) if listener.tls == "implicit" else None
            room = ConnectionLimits(limits.connections, limits.connections_per_address)
            proxies = Networks.of(listener.proxy_from)
            bound = SocketListener(
                sock, self._serve(position), room, BUSY[listener.protocol], implicit, proxies
            )
            await bound.start()
            self.listeners.append(bound)
            self._rooms.append(room)
            log.info("listening", protocol=listener.protocol, address=bound.address, tls=listener.tls)
        self._start_worker()
        sweeping = sweep(self.db, self.bus, self.world.clock, lambda: self.config.ledger.keep)
        seeing = see_certificates(self.certificates)
        for duty in (self._watch(), sweeping, self._keep_index(), self._renew(), seeing, *self._pickup()):
            self._duties.append(asyncio.get_running_loop().create_task(duty))
        log.info("ready", hostname=self.config.hostname)
        service.notify("READY=1")

    async def stop(self) -> None:
        """Take no more connections, let the ones that are there come to an end, finish what was begun."""
        service.notify("STOPPING=1")
        for listener in self.listeners:
            listener.stop_accepting()
        self.stopping.stop()
        for worker in self._workers:
            worker.stop()
        for duty in self._duties:
            duty.cancel()
        drain = self.config.limits.drain
        cut = sum(await asyncio.gather(*(listener.drain(drain) for listener in self.listeners)))
        working = list(self._workers.values())
        if working:
            await asyncio.wait(working, timeout=drain + 1)
        for task in working:
            task.cancel()
        for result in await asyncio.gather(*working, *self._duties, return_exceptions=True):
            if isinstance(result, Exception):
                log.error("a duty had failed", exc_info=result)
        self.logins.close()
        if self.index is not None:
            await self.index.close()
        await self.db.close()
        log.info("stopped", cut_off=cut)

    async def failed(self) -> None:
        """Wait until a duty of the server ends by itself, which it never should; then raise what ended it."""
        while True:
            *_, working = self._workers.values()
            done, _ = await asyncio.wait([working, *self._duties], return_when=asyncio.FIRST_COMPLETED)
            if done != {working} or working in self._workers.values():
                for task in done:
                    task.result()
                return

    def reload(self, config: Config) -> None:
        """Take over what can change while serving (SIGHUP): certificate, limits, queue, transport, authentication.

        Connections that are open keep what they began with. What cannot be read leaves everything as it was.
        """
        kept = {
            name: getattr(self.config, name)
            for name in ("hostname", "data_dir", "user", "listener", "dns", "search")
        }
        for name, value in kept.items():
            if getattr(config, name) != value:
                log.warning("reload cannot change this: restart to use it", option=name)
        if config.auth.concurrency != (threads := self.config.auth.concurrency):
            log.warning("reload cannot change this: restart to use it", option="auth.concurrency")
        fresh = replace(config, **kept, auth=replace(config.auth, concurrency=threads))
        try:
            transport = self._make_transport(fresh)
            ways = _ways(fresh, self.world)
            self.certificates.load(_offer(fresh))  # the last, for it takes effect at once
        except (OSError, ValueError) as error:
            log.error("reload failed, everything stays as it was", reason=str(error))
            return
        self.config = fresh
        self.logins.change(ways, _patience(fresh))
        self.budget.limit = fresh.limits.memory
        for room in self._rooms:
            room.total, room.by_network = fresh.limits.connections, fresh.limits.connections_per_address
        self._makers = [self._sessions(listener) for listener in fresh.listener]
        for worker in self._workers:
            worker.stop()
        self._start_worker(transport)
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
        terms = Terms(self._tls(listener), self.stopping, self._incident)

        async def serve(stream: Stream) -> None:
            pause = self.config.smtp.greet_wait if listener.protocol == "smtp" else 0.0
            await drive(
                stream, self._makers[position](stream), replace(terms, pause=pause) if pause else terms
            )

        return serve

    def _sessions(self, listener: Listener) -> Callable[[Stream], Session]:
        """What to make of each connection to `listener`."""
        if listener.protocol == "pop3":
            return self._pop3(listener)
        if listener.protocol == "imap":
            return self._imap(listener)
        return self._smtp(listener)

    def _smtp(self, listener: Listener) -> Callable[[Stream], Session]:
        config, world = self.config, self.world
        services = ReceiveServices(
            self.db, self.bus, world.clock, world.chance, self.logins, self.budget, self.rates
        )
        options = ReceiveOptions(
            hostname=config.hostname,
            profile=PROFILES[listener.protocol],
            starttls=listener.tls == "starttls",
            allow_plaintext=config.auth.allow_plaintext,
            expire=config.queue.expire,
            warn_after=config.queue.warn_after,
            hold_max=config.smtp.hold_max,
            priority_from=Networks.of(config.smtp.priority_from),
            xclient_from=Networks.of(config.smtp.xclient_from),
            strict=config.smtp.strict,
            mend_newlines=config.smtp.bare_newlines == "mend",
            expn=config.smtp.expn,
            local=_local(config) if listener.local else None,
            limits=receiving.limits(config.limits),
        )
        return lambda stream: SmtpSession(options, services, stream.peer, stream.tls)

    def _pickup(self) -> list[Coroutine[Any, Any, None]]:
        """The duty of looking into the spool, where there is one."""
        config = self.config
        if not config.sendmail.spool:
            return []
        folder, most = beside(config, config.sendmail.spool), config.limits.message_size
        return [pick_up(folder, most, self.local_session, self.world.clock)]

    def local_session(self, uid: int) -> Session:
        """As for the user of this uid, had he come by the local socket."""
        here = Peer("unix", 0)
        return self._smtp(Listener("submission", "unix:"))(MemoryStream(here, replace(here, uid=uid)))

    def _pop3(self, listener: Listener) -> Callable[[Stream], Session]:
        config, limits = self.config, self.config.limits
        options = Pop3Options(
            hostname=config.hostname,
            starttls=listener.tls == "starttls",
            allow_plaintext=config.auth.allow_plaintext,
            idle=limits.pop3_idle,
            login_time=limits.login_time,
            login_delay=config.pop3.login_delay,
            keep_deleted=config.pop3.keep_deleted,
            language=config.pop3.language,
        )
        services = Pop3Services(
            self.db,
            self.bus,
            self.world.clock,
            self.logins,
            self.world.chance,
            self.locks,
            options,
            self.delays,
            self.budget,
        )
        return lambda stream: Pop3Session(services, stream.peer, stream.tls)

    def _imap(self, listener: Listener) -> Callable[[Stream], Session]:
        config, limits, world = self.config, self.config.limits, self.world
        options = ImapOptions(
            hostname=config.hostname,
            starttls=listener.tls == "starttls",
            allow_plaintext=config.auth.allow_plaintext,
            idle=limits.imap_idle,
            login_time=limits.login_time,
            append_limit=limits.message_size,
            message_limit=limits.imap_message_limit,
            save_limit=limits.imap_save_limit,
        )
        services = ImapServices(
            self.db,
            self.bus,
            world.clock,
            world.chance,
            self.logins,
            options,
            budget=self.budget,
            index=self.index,
        )
        return lambda stream: ImapSession(services, stream.peer, stream.tls, stream.wake)

    def _start_worker(self, transport: RemoteTransport | None = None) -> None:
        config, world = self.config, self.world
        self._transport = transport or self._make_transport(config)
        worker = Worker(
            self.db,
            self.bus,
            world.clock,
            world.chance,
            self._transport,
            routing.policy(config, self._transport.routes),
            concurrency=config.transport.concurrency,
            per_destination=config.transport.per_destination,
            rate=config.transport.rate,
            grace=config.limits.drain,
        )
        task = asyncio.get_running_loop().create_task(worker.run())
        self._workers[worker] = task
        task.add_done_callback(lambda _: self._workers.pop(worker) if len(self._workers) > 1 else None)

    def _make_transport(self, config: Config) -> RemoteTransport:
        """Raises OSError when a file that is named cannot be read, ValueError."""
        world, outgoing = self.world, config.transport
        resolver = world.resolver
        if resolver is None:
            servers = config.dns.servers or system_servers()
            stub = StubResolver(servers, world.clock, world.chance, validating=config.dns.validating)
            resolver = CachingResolver(stub, world.clock)
        verified = private_context(beside(config, outgoing.tls_ca) if outgoing.tls_ca else None)
        listening = [item for item in self.listeners if item.sock.family != socket.AF_UNIX]
        options = RemoteOptions(
            hostname=config.hostname,
            port=outgoing.port,
            ipv6=outgoing.ipv6,
            smarthost=_smarthost(config),
            routes=routing.routes(config),
            verified=verified,
            own_endpoints=frozenset(split_host_port(item.address) for item in listening),
        )
        dialer = world.dialer or SocketDialer(outgoing.source_address)
        heeded = Settings(
            encrypt=outgoing.tls_required,
            verify=outgoing.tls_verified,
            sts=outgoing.mta_sts,
            dane=outgoing.dane,
            ipv6=outgoing.ipv6,
        )
        guard = Policies(self.db, resolver, dialer, world.clock, heeded, verified)
        given = world.dialer
        dial_from: Callable[[str], Dialer] = SocketDialer if given is None else lambda source: given
        return RemoteTransport(resolver, dialer, world.clock, world.chance, options, guard, dial_from)

    # -- duties ------------------------------------------------------------------------------------------------------

    async def _watch(self) -> None:
        """Notice what other processes commit: the command line, and later other workers."""
        while True:
            await asyncio.sleep(GLANCE)
            if await self.db.changed_elsewhere():
                self.bus.publish_all()
                self.bus.publish(QUEUE)

    async def _renew(self) -> None:
        """Fetch again what other domains ask for, before it expires."""
        while True:
            await asyncio.sleep(RENEW)
            try:
                await self._transport.renew()
            except Refused as refused:
                log.warning("policies of other domains are not renewed", reason=refused.detail)

    async def _keep_index(self) -> None:
        """Add new mail to the index soon after it came; compare all of it when we start, and after each sweep."""
        if self.index is None:
            await asyncio.Event().wait()  # a duty never ends
            return
        loop = asyncio.get_running_loop()
        indexer = Indexer(self.db, self.index, Leisure(loop.time, asyncio.sleep).rest)
        last, whole = 0, loop.time()
        while True:
            again = loop.time() >= whole
            try:
                last = await indexer.walk(0 if again else last)
            except Refused as refused:
                log.warning("the search index stays behind", reason=refused.detail)
            else:
                whole = loop.time() + SWEEP if again else whole
            await asyncio.sleep(INDEX_GLANCE)


def _local(config: Config) -> LocalSenders:
    domains = frozenset({config.hostname, config.sendmail.origin or config.hostname})
    return LocalSenders(domains, config.sendmail.senders, user_name)


def _offer(config: Config) -> Offer:
    tls = config.tls
    pairs = tuple((beside(config, one.certificate), beside(config, one.key)) for one in tls.pairs)
    clients = beside(config, tls.client_ca) if tls.client_ca else None
    minimum = ssl.TLSVersion.TLSv1_3 if tls.minimum_version == "1.3" else ssl.TLSVersion.TLSv1_2
    return Offer(pairs, clients, minimum, tls.ciphers)


def _ways(config: Config, world: World) -> Ways:
    """Raises OSError when a file cannot be read, ValueError."""
    oauth = config.oauth
    tokens = None
    if oauth.introspection:
        service = Service(
            endpoint=Endpoint.parse(oauth.introspection),
            client_id=oauth.client_id,
            client_secret=beside(config, oauth.client_secret_file).read_text().strip("\r\n"),
            claim=oauth.claim,
            scope=oauth.scope,
            audience=oauth.audience,
            configuration=oauth.configuration,
            timeout=oauth.timeout,
        )
        context = private_context(beside(config, oauth.ca) if oauth.ca else None)
        dialer, key = world.dialer or SocketDialer(), world.chance.secret(32)
        tokens = Introspection(service, dialer, world.clock, key, context)
    return Ways(config.auth.mechanisms, tokens, config.auth.end_point_binding)


def _patience(config: Config) -> Patience:
    auth = config.auth
    return Patience(auth.ban_after, auth.ban_window, auth.ban_time, auth.never_ban)


def _smarthost(config: Config) -> Smarthost | None:
    outgoing = config.transport
    if not outgoing.smarthost:
        return None
    password = ""
    if outgoing.smarthost_password_file:
        password = beside(config, outgoing.smarthost_password_file).read_text().strip("\r\n")
    return Smarthost.parse(outgoing.smarthost, outgoing.smarthost_user, password, outgoing.smarthost_tls)
