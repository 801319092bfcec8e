"""What the configuration says, in the words of the packages it is for. Everything is read again when the server reloads."""

from __future__ import annotations

import ssl

from correo.accounts import Introspection, Patience, Service, Ways
from correo.app.world import World
from correo.config import Config
from correo.config.read import beside
from correo.net.certificates import Offer
from correo.net.stream import SocketDialer
from correo.net.tls import private_context
from correo.ops.owner import user_name
from correo.receive.local import LocalSenders
from correo.transport.smarthost import Smarthost
from correo.wire.http import Endpoint


def local(config: Config) -> LocalSenders:
    domains = frozenset({config.hostname, config.sendmail.origin or config.hostname})
    return LocalSenders(domains, config.sendmail.senders, user_name)


def offer(config: Config) -> Offer:
    tls = config.tls
    pairs = tuple((beside(config, one.certificate), beside(config, one.key)) for one in tls.pairs)
    clients = beside(config, tls.client_ca) if tls.client_ca else None
    minimum = ssl.TLSVersion.TLSv1_3 if tls.minimum_version == "1.3" else ssl.TLSVersion.TLSv1_2
    return Offer(pairs, clients, minimum, tls.ciphers)


def ways(config: Config, world: World) -> Ways:
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
    return Ways(config.auth.mechanisms, tokens, config.auth.end_point_binding, config.hostname)


def patience(config: Config) -> Patience:
    auth = config.auth
    return Patience(auth.ban_after, auth.ban_window, auth.ban_time, auth.never_ban)


def smarthost(config: Config) -> Smarthost | None:
    outgoing = config.transport
    if not outgoing.smarthost:
        return None
    password = ""
    if outgoing.smarthost_password_file:
        password = beside(config, outgoing.smarthost_password_file).read_text().strip("\r\n")
    return Smarthost.parse(outgoing.smarthost, outgoing.smarthost_user, password, outgoing.smarthost_tls)
