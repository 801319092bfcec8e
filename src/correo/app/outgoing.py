"""The way out: the transport and the worker of the queue, as the configuration says."""

from __future__ import annotations

from collections.abc import Callable

from correo.app import settings
from correo.app.world import World
from correo.config import Config
from correo.config.read import beside
from correo.dns.cache import CachingResolver
from correo.dns.client import StubResolver, system_servers
from correo.net import Dialer
from correo.net.stream import SocketDialer
from correo.net.tap import Taps
from correo.net.tls import private_context
from correo.ops import routing
from correo.storage.bus import Bus
from correo.storage.db import Database
from correo.storage.holds import Holds
from correo.transport.lanes import WHOLE, Part
from correo.transport.policy.guard import Policies, Settings
from correo.transport.remote import Options as RemoteOptions
from correo.transport.remote import RemoteTransport
from correo.transport.worker import Worker


def make_transport(
    config: Config,
    world: World,
    database: Database,
    own: frozenset[tuple[str, int]],
    taps: Taps | None = None,
) -> RemoteTransport:
    """`own` is where we listen ourselves. Raises OSError when a file that is named cannot be read, ValueError."""
    outgoing = config.transport
    resolver = world.resolver
    if resolver is None:
        servers = config.dns.servers or system_servers()
        stub = StubResolver(servers, world.clock, world.chance, validating=config.dns.validating)
        resolver = CachingResolver(stub, world.clock)
    authority = beside(config, outgoing.tls_ca) if outgoing.tls_ca else None
    verified = world.trust or private_context(authority)
    options = RemoteOptions(
        hostname=config.hostname,
        port=outgoing.port,
        ipv6=outgoing.ipv6,
        smarthost=settings.smarthost(config),
        routes=routing.routes(config),
        verified=verified,
        own_endpoints=own,
    )
    dialer = world.dialer or SocketDialer(outgoing.source_address)
    heeded = Settings(
        encrypt=outgoing.tls_required,
        verify=outgoing.tls_verified,
        sts=outgoing.mta_sts,
        dane=outgoing.dane,
        ipv6=outgoing.ipv6,
    )
    guard = Policies(database, resolver, dialer, world.clock, heeded, verified)
    given = world.dialer
    dial_from: Callable[[str], Dialer] = SocketDialer if given is None else lambda source: given
    return RemoteTransport(resolver, dialer, world.clock, world.chance, options, guard, dial_from, taps)


def make_worker(
    config: Config,
    world: World,
    database: Database,
    bus: Bus,
    transport: RemoteTransport,
    part: Part = WHOLE,
    holds: Holds | None = None,
) -> Worker:
    return Worker(
        database,
        bus,
        world.clock,
        world.chance,
        transport,
        routing.policy(config, transport.routes),
        concurrency=config.transport.concurrency,
        per_destination=config.transport.per_destination,
        rate=config.transport.rate,
        grace=config.limits.drain,
        part=part,
        holds=holds,
    )
