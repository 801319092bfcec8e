"""The routes of the configuration as `transport` wants them."""

from __future__ import annotations

from collections.abc import Iterator

from correo.config import Config
from correo.config import Route as Options
from correo.config.read import beside
from correo.queue.schedule import Schedule
from correo.transport.routes import Route, Routes
from correo.transport.settling import Policy


def routes(config: Config, *, passwords: bool = True) -> Routes:
    """Raises OSError where a password file cannot be read; without `passwords` none is."""
    return Routes(_each(config, passwords))


def policy(config: Config, known: Routes | None = None) -> Policy:
    """By which the queue is settled; without `known` routes for those who send nothing themselves."""
    options = config.queue
    schedule = Schedule(
        options.retry, options.expire, options.warn_after, options.urgent_retry, options.urgent_expire
    )
    return Policy(config.hostname, schedule, known or routes(config, passwords=False))


def _each(config: Config, passwords: bool) -> Iterator[tuple[str, Route]]:
    for options in config.route:
        route = _route(config, options, passwords)
        for domain in options.domains:
            yield domain, route


def _route(config: Config, options: Options, passwords: bool) -> Route:
    password = ""
    if options.password_file and passwords:
        password = beside(config, options.password_file).read_text().strip("\r\n")
    return Route(
        options.to,
        options.name,
        options.user,
        password,
        options.tls,
        options.source_address,
        options.retry,
        options.expire,
        options.concurrency,
        options.rate,
    )
