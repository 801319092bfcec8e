"""Where people come in: what becomes of a connection to each listener, and what all of its sessions share.

A protocol is loaded when its first listener is: who has none of IMAP's does not wait for it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from correo.access.pop3.delays import Delays
from correo.access.pop3.locks import Locks
from correo.accounts import Logins
from correo.app import settings
from correo.app.world import World
from correo.config import Config, Listener
from correo.delivery import Outlet
from correo.net import Peer, Session, Stream
from correo.net.limits import Budget
from correo.net.memory import MemoryStream
from correo.net.networks import Networks
from correo.ops import receiving
from correo.ops.sending_back import Desk
from correo.receive.options import Profile, ReceiveOptions
from correo.receive.options import Services as ReceiveServices
from correo.receive.rates import NetworkRates
from correo.receive.session import SmtpSession
from correo.storage.bus import Bus
from correo.storage.db import Database
from correo.storage.index import Index

PROFILES = {"smtp": Profile.MX, "submission": Profile.SUBMISSION, "lmtp": Profile.LMTP}
BUSY = {
    "smtp": b"421 4.3.2 Too many connections, try again later\r\n",
    "submission": b"421 4.3.2 Too many connections, try again later\r\n",
    "lmtp": b"421 4.3.2 Too many connections, try again later\r\n",
    "pop3": b"-ERR [SYS/TEMP] Too many connections, try again later\r\n",
    "imap": b"* BYE [UNAVAILABLE] Too many connections, try again later\r\n",
}

Make = Callable[[Stream], Session]


@dataclass(frozen=True, slots=True)
class House:
    """What the sessions of one server share."""

    world: World
    db: Database
    bus: Bus
    logins: Logins
    index: Index | None
    budget: Budget
    locks: Locks
    delays: Delays
    rates: NetworkRates
    outlet: Outlet = field(default_factory=Outlet)


def sessions(house: House, config: Config, listener: Listener) -> Make:
    """What to make of each connection to `listener`."""
    if listener.protocol == "pop3":
        return _pop3(house, config, listener)
    if listener.protocol == "imap":
        return _imap(house, config, listener)
    return _smtp(house, config, listener)


def local_session(house: House, config: Config, uid: int) -> Session:
    """As for the user of this uid, had he come by the local socket."""
    here = Peer("unix", 0)
    make = _smtp(house, config, Listener("submission", "unix:"))
    return make(MemoryStream(here, replace(here, uid=uid)))


def desk(house: House, config: Config) -> Desk:
    """At which it is written to the user of this machine what became of his letters."""
    world, origin = house.world, config.sendmail.origin or config.hostname
    senders = settings.local(config)
    return Desk(house.db, house.bus, world.chance, config.hostname, origin, config.queue.expire, senders)


def _smtp(house: House, config: Config, listener: Listener) -> Make:
    world = house.world
    services = ReceiveServices(
        house.db, house.bus, world.clock, world.chance, house.logins, house.budget, house.rates, house.outlet
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
        dsn=config.smtp.dsn,
        expn=config.smtp.expn,
        local=settings.local(config) if listener.local else None,
        limits=receiving.limits(config.limits),
    )
    return lambda stream: SmtpSession(options, services, stream.peer, stream.tls, stream.wake)


def _pop3(house: House, config: Config, listener: Listener) -> Make:
    from correo.access.pop3.session import Pop3Options, Pop3Session, Services

    limits = config.limits
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
    services = Services(
        house.db,
        house.bus,
        house.world.clock,
        house.logins,
        house.world.chance,
        house.locks,
        options,
        house.delays,
        house.budget,
    )
    return lambda stream: Pop3Session(services, stream.peer, stream.tls, stream.wake)


def _imap(house: House, config: Config, listener: Listener) -> Make:
    from correo.access.imap.options import ImapOptions, Services
    from correo.access.imap.session import ImapSession

    limits, world = config.limits, house.world
    options = ImapOptions(
        hostname=config.hostname,
        starttls=listener.tls == "starttls",
        allow_plaintext=config.auth.allow_plaintext,
        idle=limits.imap_idle,
        login_time=limits.login_time,
        append_limit=limits.message_size,
        message_limit=limits.imap_message_limit,
        save_limit=limits.imap_save_limit,
        outbox=config.imap.outbox,
    )
    services = Services(
        house.db,
        house.bus,
        world.clock,
        world.chance,
        house.logins,
        options,
        budget=house.budget,
        index=house.index,
    )
    return lambda stream: ImapSession(services, stream.peer, stream.tls, stream.wake)
