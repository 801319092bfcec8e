"""One complete Correo on the network of a town, wired as `correo.app` wires it, with short words for what stories do to it."""

from __future__ import annotations

import asyncio
import ssl
import traceback
from collections.abc import Awaitable, Callable, Sequence
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import trustme
from tests.journeys.audit import faults
from tests.journeys.client import PASSWORD, Imap, Pop3, Said, Smtp, settle_down

from correo import accounts, ledger, mailbox, queue
from correo.access.imap.options import ImapOptions
from correo.access.imap.options import Services as ImapServices
from correo.access.imap.session import ImapSession
from correo.access.pop3.locks import Locks
from correo.access.pop3.session import Pop3Options, Pop3Session
from correo.access.pop3.session import Services as Pop3Services
from correo.accounts import Cost, Credentials, Logins, make_credentials
from correo.clock import Chance, Clock
from correo.clock.virtual import START, SeededChance
from correo.delivery import Outlet
from correo.dns import Resolver
from correo.dns.zone import ZoneResolver
from correo.ledger import Balance, Journey
from correo.mail.address import Address
from correo.mail.way import Way
from correo.net import Session
from correo.net.drive import Stopping, Terms, drive
from correo.net.limits import Budget
from correo.net.memory import MemoryStream
from correo.ops import queueing
from correo.queue import Selection
from correo.queue.schedule import Schedule
from correo.receive.options import Limits, Profile, ReceiveOptions
from correo.receive.options import Services as ReceiveServices
from correo.receive.session import SmtpSession
from correo.storage.bus import QUEUE
from correo.storage.bus.local import LocalBus
from correo.storage.db import Database, Tx
from correo.storage.db.sqlite import Sqlite
from correo.transport.policy.guard import Policies, Settings
from correo.transport.remote import Options as RemoteOptions
from correo.transport.remote import RemoteTransport
from correo.transport.routes import Routes
from correo.transport.settling import Policy
from correo.transport.worker import Worker

if TYPE_CHECKING:
    from tests.journeys.town import Town

CHEAP = Cost(passes=1, memory=8, lanes=1, iterations=4096)
PORTS = {"mx": 25, "submission": 587, "lmtp": 24, "pop3": 110, "imap": 143}
PROFILES = {"mx": Profile.MX, "submission": Profile.SUBMISSION, "lmtp": Profile.LMTP}
DATABASE = "correo.db"
_CONTEXT = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
AUTHORITY = trustme.CA()  # whom certificates in this town must come from, where one is asked for


class Server:
    def __init__(
        self, town: Town, folder: Path, hostname: str, address: str, schedule: Schedule, limits: Limits
    ) -> None:
        self.town = town
        self.clock: Clock = town.clock
        self.folder = folder
        self.hostname = hostname
        self.address = address
        self.schedule = schedule
        self.limits = limits
        self.chance: Chance = SeededChance(town.seed)
        self.incidents: list[BaseException] = []
        self.routes = Routes()
        self.protection = Settings(ipv6=False)
        self.running = False

    async def open_database(self) -> Database:
        return await Sqlite.open(self.folder / DATABASE, now=self.clock.now(), threaded=False)

    def make_bus(self) -> LocalBus:
        return LocalBus()

    def make_locks(self) -> Locks:
        return Locks()

    async def start(self, *, working: bool = True) -> None:
        """Open the database, listen; `working`: and deliver, which otherwise waits for `work`."""
        self.db = await self.open_database()
        self.bus = self.make_bus()
        self.logins = Logins(self.db, self.clock, self.chance, concurrency=0, cost=CHEAP)
        self.budget = Budget(10_000_000)
        self.outlet = Outlet()
        self.locks = self.make_locks()
        self.stopping = Stopping()
        self.terms = Terms(lambda: _CONTEXT, self.stopping, self._incident)
        self.connections: set[asyncio.Task[None]] = set()
        for kind, port in PORTS.items():
            self.town.network.listen(self.address, port, self._serve(kind))
        self.running = True
        if working:
            self.work()

    def work(self) -> None:
        self.worker = self.outlet.courier = self.make_worker()
        self.working = asyncio.get_running_loop().create_task(self.worker.run())

    async def stop(self) -> None:
        """As `app.Server.stop`: no more connections, those that are there told, what was begun finished or given back."""
        if not self.running:
            return
        self.running = False
        for port in PORTS.values():
            self.town.network.unlisten(self.address, port)
        self.stopping.stop()
        self.worker.stop()
        if self.connections:
            await asyncio.wait(self.connections)
        await self.working
        self.logins.close()
        await self.db.close()

    async def vanish(self) -> None:
        """As if the machine had lost power: nobody is told, nothing is given back."""
        db, self.db = self.db, await self.open_database()
        await db.close()  # whatever the old world still tries to write fails
        for task in (*self.connections, self.working):
            task.cancel()
        await asyncio.gather(*self.connections, self.working, return_exceptions=True)
        await self.db.close()
        self.running = False

    def make_worker(self) -> Worker:
        town = self.town
        verified = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        AUTHORITY.configure_trust(verified)
        options = RemoteOptions(
            hostname=self.hostname,
            ipv6=False,
            routes=self.routes,
            own_endpoints=frozenset({(self.address, 25)}),
            verified=verified,
        )
        resolver, dialer = self.resolver(), town.network.dialer(self.address)
        guard = Policies(self.db, resolver, dialer, self.clock, self.protection, verified)
        transport = RemoteTransport(resolver, dialer, self.clock, self.chance, options, guard)
        return Worker(self.db, self.bus, self.clock, self.chance, transport, self.policy, grace=5.0)

    def resolver(self) -> Resolver:
        return ZoneResolver(self.town.zone, self.clock)

    # -- connections ---------------------------------------------------------------------------------------------------

    def _serve(self, kind: str) -> Callable[[MemoryStream], Awaitable[None]]:
        async def serve(stream: MemoryStream) -> None:
            task = asyncio.current_task()
            assert task is not None
            self.connections.add(task)
            try:
                await drive(stream, self.session(kind, stream), self.terms)
            finally:
                self.connections.discard(task)

        return serve

    def session(self, kind: str, stream: MemoryStream) -> Session:
        clock = self.clock
        if kind == "pop3":
            pop3 = Pop3Options(
                self.hostname, starttls=True, allow_plaintext=True, idle=600.0, login_time=60.0
            )
            maildrops = Pop3Services(
                self.db, self.bus, clock, self.logins, self.chance, self.locks, pop3, budget=self.budget
            )
            return Pop3Session(maildrops, stream.peer, None)
        if kind == "imap":
            imap = ImapOptions(
                self.hostname,
                starttls=True,
                allow_plaintext=True,
                idle=1800.0,
                login_time=60.0,
                append_limit=1 << 20,
                outbox="Outbox",
            )
            services = ImapServices(
                self.db, self.bus, clock, self.chance, self.logins, imap, budget=self.budget
            )
            return ImapSession(services, stream.peer, None, stream.wake)
        smtp = ReceiveOptions(
            hostname=self.hostname,
            profile=PROFILES[kind],
            starttls=True,
            allow_plaintext=True,
            expire=self.schedule.lifetime,
            warn_after=self.schedule.warn_after,
            limits=self.limits,
        )
        shared = ReceiveServices(
            self.db, self.bus, clock, self.chance, self.logins, self.budget, outlet=self.outlet
        )
        return SmtpSession(smtp, shared, stream.peer)

    def _incident(self, fault: BaseException) -> str:
        self.incidents.append(fault)
        return "incident"

    async def dial(self, kind: str) -> MemoryStream:
        return await self.town.network.dialer("203.0.113.1").connect(self.address, PORTS[kind], 10.0)

    async def smtp(self, kind: str = "mx", user: str = "") -> Smtp:
        """Greeted; with `user` logged in."""
        smtp = Smtp(await self.dial(kind))
        await smtp.hello(user)
        return smtp

    async def lmtp(self) -> Smtp:
        lmtp = Smtp(await self.dial("lmtp"))
        assert (await lmtp.reply()).code == 220
        assert (await lmtp.ask("LHLO filter.example")).code == 250
        return lmtp

    async def imap(self, user: str) -> Imap:
        imap = Imap(await self.dial("imap"))
        await imap.log_in(user)
        return imap

    async def pop3(self, user: str) -> Pop3:
        pop3 = Pop3(await self.dial("pop3"))
        await pop3.log_in(user)
        return pop3

    async def send(
        self, sender: str, recipients: Sequence[str], text: bytes = b"", *, mail: str = "", rcpt: str = ""
    ) -> Said:
        """Somebody with an account here submits a message. `mail`, `rcpt`: parameters with a blank in front."""
        smtp = await self.smtp("submission", sender)
        said = await smtp.send(sender, recipients, text or self.town.letter(sender, recipients), mail, rcpt)
        await smtp.quit()
        await settle_down()
        return said

    async def receive(self, sender: str, recipients: Sequence[str], text: bytes = b"") -> Said:
        """Another server brings a message."""
        smtp = await self.smtp()
        said = await smtp.send(sender, recipients, text or self.town.letter(sender, recipients))
        await smtp.quit()
        await settle_down()
        return said

    # -- what is kept --------------------------------------------------------------------------------------------------

    async def people(self, *addresses: str, domain: str) -> None:
        now = self.clock.now()
        await self.db.write(accounts.add_domain, domain, now)
        for text in addresses:
            id, address = self.chance.id(now), Address.parse(text)
            add = accounts.add_account
            await self.db.write(add, id=id, address=address, credentials=credentials(), now=now)
            await self.db.write(mailbox.open_account, id, self.chance, now)

    async def alias(self, address: str, *targets: str) -> None:
        await self.db.write(accounts.add_alias, address, targets, self.clock.now())

    async def inbox(self, address: str, name: str = "INBOX") -> list[bytes]:
        """The messages in a mailbox, in order."""
        return await self.db.read(_contents, address, name)

    async def balance(self) -> Balance:
        return await self.db.read(ledger.balance)

    async def trace(self, query: str) -> list[Journey]:
        return await self.db.read(ledger.trace, query, 100)

    async def queued(self) -> list[tuple[str, str, int]]:
        """Address, state and number of tries of everything in the queue."""
        listed = await self.db.read(queue.list_recipients, Selection())
        return [(one.folded, one.state.value, one.attempts) for one in listed]

    async def events(self, query: str) -> list[str]:
        """What became of the one message that `query` names: `event recipient` for each step."""
        (journey,) = await self.trace(query)
        return [f"{entry.event.value} {entry.recipient}" for entry in journey.entries]

    async def audit(self) -> list[str]:
        wrong = ["".join(traceback.format_exception(fault)) for fault in self.incidents]
        if not self.running:
            return wrong
        if self.budget.used and not self.connections:
            wrong.append(f"{self.budget.used} octets of memory were never given back")
        return [*wrong, *await self.db.read(faults)]

    # -- the operator's hand -------------------------------------------------------------------------------------------

    async def hold(self, selection: Selection) -> int:
        return len(await self.db.write(queueing.hold, selection, self.chance, self._now))

    async def release(self, selection: Selection) -> int:
        released = await self.db.write(queueing.release, selection, self.chance, self._now)
        self.bus.publish(QUEUE)
        return len(released)

    async def retry(self, selection: Selection) -> int:
        moved = await self.db.write(queueing.retry, selection, self.chance, self._now)
        self.bus.publish(QUEUE)
        return len(moved)

    async def reroute(self, selection: Selection, way: str) -> int:
        moved = await self.db.write(queueing.reroute, selection, Way.parse(way), self.chance, self._now)
        self.bus.publish(QUEUE)
        return len(moved)

    async def delete(self, selection: Selection) -> int:
        return len(await self.db.write(queueing.delete, selection, self.chance, self._now))

    async def withdraw(self, selection: Selection) -> int:
        gone = await self.db.write(queueing.bounce, selection, self.policy, self.chance, self._now)
        self.bus.publish(QUEUE)
        return len(gone)

    @property
    def policy(self) -> Policy:
        return Policy(self.hostname, self.schedule, self.routes)

    @property
    def _now(self) -> int:
        return self.clock.now()


async def _contents(tx: Tx, address: str, name: str) -> list[bytes]:
    account = await accounts.get_account(tx, Address.parse(address).folded)
    assert account is not None, f"no account {address}"
    box = await mailbox.find(tx, account.id, name)
    assert box is not None, f"no mailbox {name}"
    return [await mailbox.raw(tx, message.content_id) for message in await mailbox.messages(tx, box.id, None)]


@cache
def credentials() -> Credentials:
    return make_credentials(PASSWORD, SeededChance(2), CHEAP)


_templates: list[TemporaryDirectory[str]] = []


async def template() -> str:
    """A folder with an empty database, made once: the schema takes longer than most stories."""
    if not _templates:
        folder = TemporaryDirectory(prefix="correo-town-")
        await (await Sqlite.open(Path(folder.name) / DATABASE, now=START, threaded=False)).close()
        _templates.append(folder)
    return _templates[0].name
